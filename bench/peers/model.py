#!/usr/bin/env python3
"""Training steps and tokenizing of the whole model against PyTorch, turn about in one run.

TORCH_VQDNA.py is the same model in PyTorch: `step` and `encode` time a training step (forward, backward, AdamW, codebooks) and the
encoder with its quantizer, both hierarchical, on 8 x 512 bases. Ours: a training's log, whose first reports, with the start in
them, do not count; and for tokenizing the whole command, from the gzipped FASTA to the TSV on disk, start included, which the
peer's figure is without. With one thread all is CPU time, which other load on the machine hardly stretches: the peer's clock is
exchanged, and our step is what a training takes beyond a shorter one. Printed: bases a second and, behind each peer's, how many
times faster ours is; the largest resident set of the processes that trained, and what `vqdna train --plan` says, as shares of each
peer's."""
import argparse, gzip, json, os, re, signal, statistics, subprocess, sys, tempfile, time

# Steps of a training of ours and between its reports, steps timed by a peer, bases to tokenize: some ten seconds each on two cores.
AMOUNTS = {"tiny": (120, 20, 7, 2000000), "small": (24, 4, 5, 200000), "base": (7, 1, 3, 60000)}
BATCH, WINDOW, SKIPPED = 8, 512, 2
BY_CPU_TIME = """import runpy, sys, time
time.perf_counter, sys.argv = time.process_time, sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")"""


def child(command, **more):
    """Runs it to the end: standard output and error together, seconds of wall and of CPU time, MiB resident at most."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit("model.py: %s ended with status %d:\n%s" % (" ".join(command), process.returncode, out))
    return out, time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def excerpt(genome, bases, path):
    """The first bases of the genome as a gzipped FASTA of one record; how many they are."""
    text, left = [], bases
    with (gzip.open if genome.endswith(".gz") else open)(genome, "rt") as f:
        for line in f:
            if not line.startswith(">") and left > 0:
                text.append(line.strip()[:left])
                left -= len(text[-1])
    with gzip.open(path, "wt") as f:
        f.write(">excerpt\n" + "\n".join(text) + "\n")
    return bases - left


class Ours:
    def __init__(self, a, preset, folder):
        self.a, self.preset, self.folder = a, preset, folder
        self.model, self.cut = os.path.join(folder, "model"), os.path.join(folder, "excerpt.fa.gz")
        self.bases = excerpt(a.genome, AMOUNTS[preset][3], self.cut)

    def options(self):
        return ["--preset", self.preset, "--window", str(WINDOW), "--batch", str(BATCH), "-t", str(self.a.threads)]

    def plan(self):
        out, _, _, _ = child([self.a.vqdna, "train", "--plan"] + self.options())
        return float(re.search(r"total ([0-9.]+) MiB", out).group(1))

    def train(self, steps, every):
        return child([self.a.vqdna, "train", "-q", "--force", "--steps", str(steps), "--report-every", str(every), "--set",
                      "kmeans_rounds=1", "--set", "kmeans_batches=1", "-o", self.model, self.a.genome] + self.options())

    def step(self):
        steps, every, _, _ = AMOUNTS[self.preset]
        if self.a.threads == 1:
            _, _, less, _ = self.train(SKIPPED * every, every)
            _, _, more, resident = self.train(steps, every)
            return (steps - SKIPPED * every) * BATCH * WINDOW / (more - less), resident
        _, _, _, resident = self.train(steps, every)
        with open(os.path.join(self.model, "log.ndjson")) as f:
            lines = [json.loads(line) for line in f]
        return statistics.median(x["bases_per_second"] for x in lines[SKIPPED:] if x.get("bases_per_second")), resident

    def tokenize(self):
        _, wall, cpu, resident = child([self.a.vqdna, "tokenize", "-q", "-t", str(self.a.threads), "-m", self.model, "-o",
                                        os.path.join(self.folder, "tokens.tsv"), self.cut])
        return self.bases / (cpu if self.a.threads == 1 else wall), resident


class Peer:
    def __init__(self, a, preset, python):
        self.a, self.preset, self.python, self.name = a, preset, python, None

    def run(self, mode):
        environment = dict(os.environ, OMP_NUM_THREADS=str(self.a.threads), OPENBLAS_NUM_THREADS=str(self.a.threads))
        clock = ["-c", BY_CPU_TIME] if self.a.threads == 1 else []
        out, _, _, resident = child([self.python] + clock + [
            self.a.script, mode, "--preset", self.preset, "--hrq", "--batch", str(BATCH), "--length", str(WINDOW), "--threads",
            str(self.a.threads), "--steps", str(AMOUNTS[self.preset][2])], env=environment)
        said = dict(line.split(None, 1) for line in out.splitlines() if " " in line)
        self.name = "PyTorch " + said["torch"].split()[0]
        return float(said["bases_per_second"]), resident

    def step(self):
        return self.run("step")

    def tokenize(self):
        return self.run("encode")


def show(preset, what, ours, peers):
    print("%-7s%-14s%14.0f" % (preset, what, ours) + "".join("%24s" % text for text in peers), flush=True)


def compare(a, preset, results):
    with tempfile.TemporaryDirectory() as folder:
        all_ = [Ours(a, preset, folder)] + [Peer(a, preset, python) for python in a.python]
        got = {"step": [[] for _ in all_], "tokenize": [[] for _ in all_]}
        for _ in range(a.rounds):
            for what, columns in got.items():
                for who, column in zip(all_, columns):
                    column.append(getattr(who, what)())
        if not results:
            print("%-7s%-14s%14s" % ("preset", "", "ours") + "".join("%24s" % who.name for who in all_[1:]), flush=True)
        for what, columns in got.items():
            rates = [statistics.median(rate for rate, _ in column) for column in columns]
            show(preset, what, rates[0], ["%.0f %6.2f" % (r, rates[0] / r) for r in rates[1:]])
            results += [{"preset": preset, "what": what, "contender": getattr(who, "name", "ours"), "bases_per_second": rate,
                         "rounds": [r for r, _ in column]} for who, rate, column in zip(all_, rates, columns)]
        memory, plan = [max(m for _, m in column) for column in got["step"]], all_[0].plan()
        show(preset, "MiB, step", memory[0], ["%.0f %5.0f%%" % (m, 100 * memory[0] / m) for m in memory[1:]])
        show(preset, "MiB, plan", plan, ["%.0f %5.0f%%" % (m, 100 * plan / m) for m in memory[1:]])
        results.append({"preset": preset, "what": "memory", "resident_mib": memory, "plan_mib": plan})


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("vqdna", help="the program")
    p.add_argument("script", metavar="TORCH_VQDNA.py", help="the same model in PyTorch")
    p.add_argument("genome", help="FASTA, plain or gzipped")
    p.add_argument("presets", nargs="*", metavar="PRESET", help="%s; all unless given" % ", ".join(AMOUNTS))
    p.add_argument("--python", action="append", default=[], help="an interpreter with PyTorch; may be repeated")
    p.add_argument("--threads", type=int, default=os.cpu_count(), help="of both; all cores unless given; 1: by CPU time")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--json", help="write all figures to this file")
    a = p.parse_args()
    wrong = [x for x in a.presets if x not in AMOUNTS]
    if wrong:
        p.error("there is no preset '%s': %s" % (wrong[0], ", ".join(AMOUNTS)))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    results = []
    print("hrq, %d x %d bases, bases a second, %s, medians of %d rounds" %
          (BATCH, WINDOW, "%d threads, wall time" % a.threads if a.threads > 1 else "1 thread, CPU time", a.rounds))
    for preset in a.presets or AMOUNTS:
        compare(a, preset, results)
    if a.json:
        with open(a.json, "w") as f:
            json.dump({"threads": a.threads, "results": results}, f, indent=1)


main()
