#!/usr/bin/env python3
"""Training steps and tokenizing of ours against the PyTorch peer, alternated in one run, all threads, by wall clock.

usage: train_step.py VQDNA TORCH_VQDNA.py GENOME.fa[.gz] [preset...]

A training step is forward, backward, AdamW and codebooks, at the peer's batch of 8 x 512 bases. Ours is read from log.ndjson, reports after the
first, so start-up and compilation do not count; the peer prints its median. Three rounds, medians, and the ratio of the medians."""
import json, os, statistics, subprocess, sys, tempfile

ROUNDS = 3
STEPS = {"tiny": 240, "small": 48, "base": 12}


def ours(vqdna, genome, preset, folder):
    steps = STEPS[preset]
    subprocess.run([vqdna, "train", "-q", "--force", "--preset", preset, "--window", "512", "--batch", "8", "--steps", str(steps), "--report-every",
                    str(steps // 6), "--set", "kmeans_rounds=1", "--set", "kmeans_batches=1", "-o", folder, genome], check=True,
                   stderr=subprocess.DEVNULL)
    with open(os.path.join(folder, "log.ndjson")) as f:
        lines = [json.loads(line) for line in f]
    return statistics.median(line["bases_per_second"] for line in lines[2:] if line.get("bases_per_second"))


def peer(script, preset, mode):
    out = subprocess.run(["/usr/bin/python3", script, mode, "--preset", preset, "--hrq", "--batch", "8", "--threads", str(os.cpu_count())],
                         check=True, capture_output=True, text=True).stdout
    return float(dict(line.split(None, 1) for line in out.splitlines())["bases_per_second"])


def tokenizing(vqdna, model, genome):
    """Bases a second of the whole command, from the gzipped FASTA to the TSV."""
    out = subprocess.run([vqdna, "tokenize", "-m", model, "-o", os.devnull, genome], check=True, capture_output=True, text=True).stderr
    text = out.strip().splitlines()[-1].rsplit(";", 1)[1].split()
    return float(text[0]) * {"k": 1e3, "M": 1e6}.get(text[1], 1)


def main():
    vqdna, script, genome = sys.argv[1:4]
    print("%-6s %-9s %14s %14s %7s" % ("preset", "what", "ours, bases/s", "PyTorch", "ratio"))
    for preset in sys.argv[4:] or list(STEPS):
        with tempfile.TemporaryDirectory() as folder:
            rows = {"step": ([], []), "tokenize": ([], [])}
            for _ in range(ROUNDS):
                rows["step"][0].append(ours(vqdna, genome, preset, folder))
                rows["step"][1].append(peer(script, preset, "step"))
                rows["tokenize"][0].append(tokenizing(vqdna, folder, genome))
                rows["tokenize"][1].append(peer(script, preset, "encode"))
            for what, (a, b) in rows.items():
                a, b = statistics.median(a), statistics.median(b)
                print("%-6s %-9s %14.0f %14.0f %7.2f" % (preset, what, a, b, a / b), flush=True)


main()
