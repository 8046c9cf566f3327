#!/usr/bin/env python3
"""Our hot operations against OpenBLAS, oneDNN, FFTW, PyTorch, faiss and VkFFT on the very same shapes and inputs, turn about in one run.

Every contender is a process of its own (worker.c, worker.py) that stands still while another is measured. With one thread the
figure is the process's CPU time, which other load on the machine hardly stretches; with more it is wall time. Answers are compared
before they count. Printed: the median over all repeats of all rounds as GFLOP/s, ours as a share of the best multiply-add rate of
any register width, and behind each peer's figure how many times faster ours is. $OPENBLAS_CORETYPE, as SkylakeX, has every OpenBLAS
use those kernels instead of the ones it thinks right; $VQDNA_VECTOR_WIDTH holds ours to shorter registers."""
import argparse, json, math, os, signal, statistics, subprocess, sys

STORE, ADD, BIAS, GELU, RESIDUAL, GELU_GRAD = range(6)  # vq_gemm_kind; with GELU_GRAD ours also computes gelu(pre) again, in the same pass
HERE = os.path.dirname(os.path.abspath(__file__))

GROUPS = {  # title, workload, dims as worker.h has them
    "gemm": ("Product C = A B: M N K", "gemm", [
        (m, n, k, 0, 0, STORE) for m, n, k in [
            (4096, 512, 256), (4096, 1024, 256), (8192, 256, 256), (8192, 1024, 256), (2048, 768, 768), (2048, 3072, 768),
            (1024, 1024, 1024), (2048, 2048, 2048)]]),
    "linear": ("Linear layer with GELU, its argument kept: M N K", "gemm", [
        (m, n, k, 0, 1, GELU) for m, n, k in [(2048, 256, 64), (4096, 768, 192), (4096, 1536, 384)]]),
    "training": ("Other products of a training step: M N K, A and B transposed, end", "gemm", [
        (2048, 64, 256, 0, 1, BIAS), (4096, 384, 1536, 0, 1, BIAS),
        (2048, 256, 64, 0, 0, GELU_GRAD), (4096, 1536, 384, 0, 0, GELU_GRAD),
        (2048, 64, 256, 0, 0, STORE), (4096, 384, 1536, 0, 0, STORE),
        (256, 64, 2048, 1, 0, ADD), (64, 256, 2048, 1, 0, ADD), (1536, 384, 4096, 1, 0, ADD), (384, 1536, 4096, 1, 0, ADD)]),
    "assign": ("Nearest code: rows, D, K", "assign", [
        (16384, 64, 512), (16384, 256, 512), (8192, 384, 512), (8192, 64, 1024), (8192, 256, 1024), (4096, 384, 1024),
        (4096, 64, 4096), (4096, 256, 4096), (4096, 384, 4096)]),
    "attention": ("Attention: B H L d", "attention", [(8, 12, 512, 64, 0), (8, 12, 512, 64, 1)]),
    "fft": ("Transform: B N C", "fft", [
        (16, 1024, 64), (4, 4096, 64), (1, 16384, 64), (1, 65536, 64), (1, 131072, 64), (8, 1000, 128), (1, 30000, 128),
        (4, 1024, 256), (1, 4096, 256), (1, 16384, 256), (1, 65536, 256), (1, 131072, 256)]),
    "longconv": ("Gated long convolution, causal: B L C", "longconv", [
        (max(1, 131072 // l), l, c, b) for l in (1024, 4096, 16384, 32768, 131072) for c in (64, 128, 256) for b in (0, 1)]),
    "million": ("Gated long convolution of 1 k and 1 M positions, as many series", "longconv", [
        (1024, 1024, 16, 0), (1024, 1024, 16, 1), (1, 1048576, 16, 0), (1, 1048576, 16, 1)]),
}


def flops(workload, d):
    if workload == "attention":  # two products forward; five backward, one of them again
        return 4.0 * d[0] * d[1] * d[2] ** 2 * d[3] * (3.5 if d[4] else 1)
    if workload == "fft":  # as everyone counts them
        return 5.0 * d[0] * d[1] * d[2] * math.log2(d[1])
    if workload == "longconv":  # transforms of length L: two a series forward, three more backward, and the filter's
        return 5.0 * d[1] * math.log2(d[1]) * d[2] * ((5 * d[0] + 2) if d[3] else (2 * d[0] + 1))
    return 2.0 * d[0] * d[1] * d[2]


def label(workload, d):
    if workload == "attention":
        return "%d %d %d %d %s" % (d[:4] + ("forward + backward" if d[4] else "forward",))
    if workload == "longconv":
        return "%d %d %d %s" % (d[:3] + ("forward + backward" if d[3] else "forward",))
    ends = ["", " +=", " + bias", " + bias, GELU", " + residual", " gelu'"]
    return " ".join(map(str, d[:3])) + (" %s%s%s" % ("NT"[d[3]], "NT"[d[4]], ends[d[5]]) if workload == "gemm" else "")


class Worker:
    """A contender's process, stopped but for its turn."""

    started = []

    def __init__(self, command, threads, **more):
        environment = dict(os.environ, **more)
        for name in ("POCL_MAX_PTHREAD_COUNT", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
            environment[name] = str(threads)
        self.process = subprocess.Popen(command + [str(threads)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=environment)
        Worker.started.append(self.process)
        hello = self.reply()
        self.skip, self.name, self.variants = hello.get("skip"), hello.get("name"), hello.get("variants", {})
        self.process.send_signal(signal.SIGSTOP)

    def reply(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit("compare.py: %s ended with status %s; its message is above" %
                     (" ".join(self.process.args), self.process.wait()))
        return json.loads(line)

    def ask(self, workload, repeats, dims):
        self.process.send_signal(signal.SIGCONT)
        print(workload, repeats, *dims, file=self.process.stdin, flush=True)
        reply = self.reply()
        self.process.send_signal(signal.SIGSTOP)
        return reply


def end_all():
    for process in Worker.started:
        process.kill()
        process.wait()


def start_all(a):
    ours = Worker([a.worker, "ours"], a.threads)
    peers = [Worker([a.worker, "openblas"], a.threads)]
    peers += [Worker([a.worker, "openblas"], a.threads, OPENBLAS_CORETYPE=core) for core in a.openblas_core]
    peers += [Worker([a.worker, "onednn"], a.threads)]
    peers += [Worker([a.worker, name], a.threads) for name in ("fftw", "fftw-contiguous")]
    script = os.path.join(HERE, "worker.py")
    peers += [Worker([python, script, library], a.threads) for library in ("torch", "faiss", "vkfft") for python in a.python]
    return ours, peers


def agree(workload, mine, theirs):
    """Codes may differ where two are equally near within rounding; numbers by rounding."""
    if len(mine) != len(theirs):
        return False
    if workload == "assign":
        return sum(x != y for x, y in zip(mine, theirs)) <= len(mine) // 1000
    scale = math.sqrt(sum(x * x for x in mine) / len(mine))
    return all(abs(x - y) <= 1e-4 * (scale + abs(x)) for x, y in zip(mine, theirs))


def measure_peak(ours, clock):
    """GFLOP/s by floats of a register, with the number of chains that is best."""
    rates = {}
    for width in (4, 8, 16):
        for chains in (8, 12, 16, 24):
            reply = ours.ask("peak", 5, (width, chains))
            rates[width] = max(rates.get(width, 0), reply["answer"][0] / min(reply[clock]) / 1e9)
    return rates


def measure(contenders, workload, dims, a, clock):
    """{contender: seconds of all repeats}; contenders are (worker, variant), ours first."""
    seconds, answer = {}, None
    for _ in range(a.rounds):
        for who in contenders:
            worker, variant = who
            reply = worker.ask(workload + (":" + variant if variant else ""), a.repeats, dims)
            if not reply:
                continue
            seconds.setdefault(who, []).extend(reply[clock])
            if reply["answer"] and answer is None:
                answer = reply["answer"]
            elif reply["answer"] and not agree(workload, answer, reply["answer"]):
                sys.exit("compare.py: %s and ours give different results for %s %s" %
                         (worker.name, workload, label(workload, dims)))
    return seconds


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("worker", help="the program of `ninja ops_peers`")
    p.add_argument("groups", nargs="*", metavar="GROUP", help="%s; all unless given" % ", ".join(GROUPS))
    p.add_argument("--python", action="append", default=[], help="an interpreter with PyTorch, faiss or pyvkfft; may be repeated")
    p.add_argument("--openblas-core", action="append", default=[], help="OpenBLAS once more with this $OPENBLAS_CORETYPE")
    p.add_argument("--threads", type=int, default=1, help="1: CPU time is compared; more: wall time; 0: all cores")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--repeats", type=int, default=2, help="of a round, after a warm-up; more of what is short")
    p.add_argument("--json", help="write all figures to this file")
    a = p.parse_args()
    wrong = [g for g in a.groups if g not in GROUPS]
    if wrong:
        p.error("there is no group '%s': %s" % (wrong[0], ", ".join(GROUPS)))
    a.threads = a.threads or os.cpu_count()
    clock = "cpu" if a.threads == 1 else "wall"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        ours, peers = start_all(a)
        for skipped in [w for w in peers if w.skip]:
            print("skipped: %s" % skipped.skip)
        peers = [w for w in peers if not w.skip]
        for i, w in enumerate([ours] + peers):
            print("[%s] %s" % (i or "ours", w.name))
        peaks = measure_peak(ours, clock)
        peak = max(peaks.values())
        print("%d thread%s, %s time, medians of %d rounds of %d or more; multiply-adds at most %s GFLOP/s" %
              (a.threads, "s" * (a.threads > 1), {"cpu": "CPU", "wall": "wall"}[clock], a.rounds, a.repeats,
               ", ".join("float%d %.1f" % item for item in peaks.items())))
        results = []
        for title, workload, shapes in (GROUPS[g] for g in a.groups or GROUPS):
            show(title, workload, shapes, ours, peers, peak, a, clock, results)
        if a.json:
            with open(a.json, "w") as f:
                json.dump({"threads": a.threads, "clock": clock, "peak_gflops": peaks,
                           "contenders": [w.name for w in [ours] + peers], "results": results}, f, indent=1)
    finally:
        end_all()


def show(title, workload, shapes, ours, peers, peak, a, clock, results):
    contenders = [(w, v) for w in [ours] + peers for v in w.variants.get(workload, [""] if not w.variants else [])]
    rows = []
    for dims in shapes:
        seconds = measure(contenders, workload, dims, a, clock)
        medians = {who: statistics.median(s) for who, s in seconds.items()}
        if not rows:  # who answers is known now
            others = [who for who in contenders[1:] if who in medians]
            names = ["[%d]%s" % (peers.index(w) + 1, " " + v if v else "") for w, v in others]
            print("\n%s\n%-32s %7s %5s" % (title, "", "ours", "peak") + "".join("%16s" % n for n in names))
        mine, work = medians[contenders[0]], flops(workload, dims)
        ratios = [medians[who] / mine for who in others]
        rows.append(ratios)
        print("%-32s %7.1f %4.0f%%" % (label(workload, dims), work / mine / 1e9, 100 * work / mine / 1e9 / peak) +
              "".join("%10.1f %5.2f" % (work / medians[who] / 1e9, r) for who, r in zip(others, ratios)), flush=True)
        results += [{"workload": workload, "dims": dims, "contender": w.name, "variant": v, "median_s": medians[w, v],
                     "seconds": seconds[w, v], "gflops": work / medians[w, v] / 1e9} for w, v in medians]
    for name, which in (("geometric mean", lambda r: math.exp(statistics.fmean(map(math.log, r)))), ("least", min)):
        print("%-45s" % name + "".join("%16.2f" % which(column) for column in zip(*rows)))


main()
