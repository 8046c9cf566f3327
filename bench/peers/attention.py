#!/usr/bin/env python3
"""Attention, ours against PyTorch's softmax(q k^T / sqrt(d)) v written out, on the same shapes.

usage: attention.py OPS_RUN [rounds]

Both run on one thread, turn about, and are timed by their process's CPU time, so that other load on the machine counts for neither.
Prints milliseconds (medians over the rounds) and how many times ours is faster. Exits 77 (skipped) without PyTorch."""
import os, re, statistics, subprocess, sys, time

try:
    import torch
except ImportError:
    print("SKIP: PyTorch is not installed")
    sys.exit(77)

LINE = re.compile(r"attention +B (\d+) H (\d+) L (\d+) d (\d+) masked 0 one (\d) +([0-9.]+) *(forward \+ backward)?")


def ours(ops_run):
    """{(B, H, L, d, one buffer, backward too): ms} of every large shape without a mask."""
    text = subprocess.run([ops_run, "--time", "--cpu", "attention"], check=True, capture_output=True, text=True,
                          env=dict(os.environ, POCL_MAX_PTHREAD_COUNT="1")).stdout
    return {tuple(map(int, m.group(1, 2, 3, 4, 5))) + (bool(m.group(7)),): float(m.group(6)) for m in LINE.finditer(text)}


def peer(B, H, L, d, backward, repeats=5):
    """Milliseconds of PyTorch, the median of `repeats` after a warm-up."""
    q, k, v = (torch.randn(B, H, L, d, requires_grad=backward) for _ in range(3))
    seed, times = torch.randn(B, H, L, d), []
    for _ in range(repeats + 1):
        start = time.process_time()
        with torch.set_grad_enabled(backward):
            o = torch.softmax(q @ k.transpose(-1, -2) * d**-0.5, -1) @ v
        if backward:
            o.backward(seed)
        times.append(1e3 * (time.process_time() - start))
        q.grad = k.grad = v.grad = None
    return statistics.median(times[1:])


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    torch.set_num_threads(1)
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    us, them = {}, {}
    for _ in range(rounds):
        for key, ms in ours(sys.argv[1]).items():
            us.setdefault(key, []).append(ms)
        for key in {k[:4] + k[5:] for k in us}:
            them.setdefault(key, []).append(peer(*key))
    print(f"PyTorch {torch.__version__}, 1 thread each, process CPU time, {rounds} rounds")
    print(f"{'shape':42} {'':18} {'ours ms':>9} {'PyTorch ms':>11} {'ratio':>6}")
    for key, values in us.items():
        B, H, L, d, one, backward = key
        a, b = statistics.median(values), statistics.median(them[key[:4] + key[5:]])
        label = f"B {B} H {H} L {L} d {d}, q k v in {'one buffer' if one else 'three'}"
        print(f"{label:42} {'forward + backward' if backward else 'forward':18} {a:9.1f} {b:11.1f} {b / a:6.2f}")


main()
