#!/usr/bin/env python3
"""A training step of the models that read tokens against PyTorch's own Transformer encoder, turn about in one run: 8 sequences of 512 tokens, a
base a token, forward, backward, clipping and AdamW.

Ours: the log of `vqdna finetune`, whose first reports do not count; with one thread the CPU time that a training takes beyond a shorter
one, with no checkpoint between. PyTorch: torch.nn.TransformerEncoder with its fused attention, the same embedding, pooling and head, AdamW in its
fastest form. Printed: bases a second, how many times faster ours is, and the largest resident set as a share of the peer's. With --cuda both run
on the GPU, PyTorch in float32 as it comes (no TF32), by wall time and ten times as many steps; resident sets say nothing there."""
import argparse, json, os, random, resource, statistics, subprocess, sys, tempfile, time

PRESETS = {"tiny": (128, 4, 4, 60), "small": (256, 6, 8, 24), "base": (768, 12, 12, 6)}  # width, layers, heads, steps
BATCH, LENGTH, SKIPPED = 8, 512, 2


def child(command, **more):
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **more)
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit("body.py: %s ended with status %d" % (" ".join(command), status))
    return out, time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def ours(a, preset, folder):
    every = 10 if a.cuda else 1
    steps = PRESETS[preset][3] * every

    def train(n):
        return child([a.vqdna, "finetune", "-q", "--json", "--force", "-t", str(a.threads), "--train", folder + "/rows.csv", "--dev", folder + "/dev.csv",
                      "--vocabulary", "onehot", "--preset", preset, "--batch", str(BATCH), "--set", "dropout=0", "--set", "steps=%d" % n,
                      "--report-every", str(every), "--checkpoint-every", "86400", "-o", folder + "/" + preset] + [word for s in a.set for word in ("--set", s)])

    if a.threads == 1 and not a.cuda:
        _, _, less, _ = train(SKIPPED)
        _, _, more, resident = train(steps)
        return (steps - SKIPPED) * BATCH * LENGTH / (more - less), resident
    _, _, _, resident = train(steps)
    rows = [json.loads(line) for line in open(folder + "/" + preset + "/log.ndjson")]
    return statistics.median(r["bases_per_second"] for r in rows[SKIPPED:-1]), resident


def peer(preset, threads, cuda):
    """In the peer's interpreter: prints bases a second."""
    import torch
    from torch import nn
    torch.set_num_threads(threads)
    width, layers, heads, steps = PRESETS[preset]

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.e, self.p, self.n = nn.Embedding(5, width), nn.Parameter(torch.randn(LENGTH, width) * .02), nn.LayerNorm(width)
            layer = nn.TransformerEncoderLayer(width, heads, 4 * width, 0., "gelu", batch_first=True, norm_first=True)
            self.body = nn.TransformerEncoder(layer, layers, norm=nn.LayerNorm(width), enable_nested_tensor=False)
            self.head = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, 2))

        def forward(self, x):
            return self.head(self.body(self.n(self.e(x) + self.p)).mean(1))

    device = "cuda" if cuda else "cpu"
    net = Net().to(device)
    best = {"fused": True} if torch.__version__ >= "2.4" else {"foreach": True}
    optimizer = torch.optim.AdamW(net.parameters(), 1e-3, **best)
    x, y = torch.randint(0, 4, (BATCH, LENGTH), device=device), torch.randint(0, 2, (BATCH,), device=device)
    clock, times = time.process_time if threads == 1 and not cuda else time.perf_counter, []
    for _ in range(10 * steps if cuda else max(3, steps // 3)):
        start = clock()
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.)
        optimizer.step()
        if cuda:
            torch.cuda.synchronize()
        times.append(clock() - start)
    print(json.dumps({"torch": torch.__version__, "rate": BATCH * LENGTH / statistics.median(times[1:]),
                      "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("vqdna")
    p.add_argument("presets", nargs="*", metavar="PRESET", help="%s; all unless given" % ", ".join(PRESETS))
    p.add_argument("--python", action="append", default=[], help="an interpreter with PyTorch; PATH=FOLDER: with PYTHONPATH; may be repeated")
    p.add_argument("--threads", type=int, default=os.cpu_count())
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="of ours: micro_batch=1, recompute=true")
    p.add_argument("--cuda", action="store_true", help="both on the GPU")
    p.add_argument("--peer", help=argparse.SUPPRESS)
    a = p.parse_args()
    if a.peer:
        return peer(a.peer, a.threads, a.cuda)
    print("%d x %d tokens, bases a second, %s, medians of %d rounds" %
          (BATCH, LENGTH, "GPU, wall time" if a.cuda else "%d threads, wall time" % a.threads if a.threads > 1 else "1 thread, CPU time", a.rounds), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        random.seed(1)
        for name, rows in (("rows", 512), ("dev", 8)):
            with open("%s/%s.csv" % (folder, name), "w") as f:
                f.write("sequence,label\n" + "".join("%s,%d\n" % ("".join(random.choices("ACGT", k=LENGTH)), i % 2) for i in range(rows)))
        for preset in a.presets or PRESETS:
            got, mine = {}, []
            for _ in range(a.rounds):
                mine.append(ours(a, preset, folder))
                for python in a.python:
                    path, _, extra = python.partition("=")
                    env = dict(os.environ, OMP_NUM_THREADS=str(a.threads), OPENBLAS_NUM_THREADS=str(a.threads), PYTHONPATH=extra)
                    said = json.loads(child([path, __file__, a.vqdna, "--peer", preset, "--threads", str(a.threads)] + ["--cuda"] * a.cuda, env=env)[0])
                    got.setdefault(said["torch"], []).append((said["rate"], said["mib"]))
            rate, mib = statistics.median(r for r, _ in mine), max(m for _, m in mine)
            text = ["PyTorch %s %.0f: %.2f times, memory %.0f %%" % (
                name, statistics.median(r for r, _ in rows), rate / statistics.median(r for r, _ in rows), 100 * mib / max(m for _, m in rows))
                for name, rows in got.items()]
            print("%-6s ours %.0f, %.0f MiB; %s" % (preset, rate, mib, "; ".join(text)), flush=True)


main()
