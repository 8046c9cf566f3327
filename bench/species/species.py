#!/usr/bin/env python3
"""Which of five species a window of a genome is of, at lengths from 1,000 to 131,072 bases: bodies from scratch over tokenizer codes at strides 1
and 6, single bases and words, long convolutions beside attention, and linear models of words and of codes, which may well win. Windows to train on and windows
to test on are of different contigs, or of different ends of a genome that is one contig.

Appends a row to RESULTS as it is done and skips those that are there. Tokenizers lie in MODELS as hrq-SEED and hrq-stride6-SEED
(vqdna train --set steps=3000 [--set decoder_stride=6]); they saw the training genomes without labels.

usage: species.py VQDNA RESULTS.tsv MODELS WORK --genomes FOLDER [--lengths 1000 8192 32768 131072] [--seeds 1 2 3] [--arms ARM...]
       species.py --table RESULTS.tsv

An epoch is --bases of windows at every length, so that longer ones are fewer. Arms whose sequences have more than --most tokens under attention
are left out: its time grows with their square. Cost on a logical core with AVX-512, another run beside: 8 to 10 minutes a row at stride 6, half an hour at stride 1."""
import argparse
import collections
import csv
import gzip
import json
import os
import random
import statistics
import subprocess
import sys
import time

# species: (file, contigs of the test by number, or None: the last fifth of the first): those of most bases in the folder, since what is
# learned of a hundredth of a genome does not hold for its next contig (linear 6-mers at 32,768 bases: 100 % on the same contigs, 96 on others)
SPECIES = {
    "human": ("homo_sapiens_chr20_10Mb.fa.gz", None),
    "worm": ("caenorhabditis_elegans_chrX_8Mb.fa.gz", None),
    "yeast": ("saccharomyces_cerevisiae_S288C_8Mb.fa.gz", (2, 4)),
    "plasmodium": ("plasmodium_falciparum_8Mb.fa.gz", (2,)),
    "klebsiella": ("klebsiella_pneumoniae_MGH78578.fa.gz", None),
}
# arm: (vocabulary, tokenizer, bases a token, mixer); a linear model has no mixer
ARMS = {
    "words 6, linear": ("kmer:6:frequency", None, 1, None),
    "words 8, linear": ("kmer:8:frequency", None, 1, None),
    "codes, linear": ("codes:frequency", "hrq-{}", 1, None),
    "pairs 6, hyena": ("codes:tuned:stride=6:pairs=6", "hrq-stride6-{}", 6, "hyena"),
    "codes 6, hyena": ("codes:stride=6", "hrq-stride6-{}", 6, "hyena"),
    "words 6, hyena": ("kmer:6:stride=6", None, 6, "hyena"),
    "codes 6, attention": ("codes:stride=6", "hrq-stride6-{}", 6, "attention"),
    "words 6, attention": ("kmer:6:stride=6", None, 6, "attention"),
    "codes, hyena": ("codes", "hrq-{}", 1, "hyena"),
    "bases, hyena": ("onehot", None, 1, "hyena"),
    "codes, attention": ("codes", "hrq-{}", 1, "attention"),
    "bases, attention": ("onehot", None, 1, "attention"),
}
BODY = ["--set", "width=128", "--set", "layers=2", "--set", "heads=4", "--epochs", "4", "--learning-rate", "0.001"]
HEAD = ["length", "arm", "seed", "train_windows", "test_windows", "accuracy", "low", "high", "parameters", "seconds", "cpu_seconds", "peak_mb"]


def contigs(path):
    out = []
    with gzip.open(path, "rt") as lines:
        for line in lines:
            if line[0] == ">":
                out.append([])
            else:
                out[-1].append(line.strip())
    return ["".join(parts) for parts in out]


def split(folder, length):
    """Species -> (sequences to train on, sequences to test on), those that hold a window."""
    out = {}
    for name, (file, held) in SPECIES.items():
        all_ = contigs(os.path.join(folder, file))
        if held is None:
            cut = len(all_[0]) * 4 // 5
            parts = [all_[0][:cut]] + all_[1:], [all_[0][cut:]]
        else:
            parts = [c for i, c in enumerate(all_) if i not in held], [all_[i] for i in held]
        out[name] = [[c for c in part if len(c) >= length] for part in parts]
        if not all(out[name]):
            sys.exit(f"species.py: no contig of {name} has {length} bases")
    return out


def draw_windows(path, parts, which, rows, length, draw):
    with open(path + ".part", "w") as out:
        out.write("sequence,label\n")
        for i in range(rows):
            label = i % len(SPECIES)
            of = parts[list(SPECIES)[label]][which]
            while True: # a place of all there are, and not in a gap
                contig = draw.choices(of, [len(c) - length + 1 for c in of])[0]
                at = draw.randrange(len(contig) - length + 1)
                if contig.count("N", at, at + length) * 10 < length:
                    break
            out.write(f"{contig[at:at + length]},{label}\n")
    os.replace(path + ".part", path)


def run(command):
    """Its JSON, wall and CPU seconds, and peak memory in MB."""
    began = time.time()
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    text = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"species.py: {' '.join(command)} ended with status {status}")
    return json.loads(text), time.time() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def table(path):
    rows, lengths = collections.defaultdict(list), []
    for row in csv.DictReader(open(path), delimiter="\t"):
        rows[row["arm"], row["length"]].append(row)
        lengths += [row["length"]] if row["length"] not in lengths else []
    lengths.sort(key=int)
    print("| accuracy, % (seconds) | " + " | ".join(f"{int(n):,} bases" for n in lengths) + " |\n|---" + "|---" * len(lengths) + "|")
    for arm in [arm for arm in ARMS if any((arm, n) in rows for n in lengths)]:
        cells = []
        for n in lengths:
            got = [100 * float(r["accuracy"]) for r in rows[arm, n]]
            spread = f" ± {statistics.stdev(got):.1f}" if len(got) > 1 else ""
            cells.append(f"{statistics.mean(got):.1f}{spread} ({statistics.mean(float(r['cpu_seconds']) for r in rows[arm, n]):.0f})" if got else "")
        print(f"| {arm} | " + " | ".join(cells) + " |")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("vqdna", nargs="?")
    p.add_argument("results", nargs="?")
    p.add_argument("models", nargs="?")
    p.add_argument("work", nargs="?")
    p.add_argument("--genomes")
    p.add_argument("--lengths", nargs="+", type=int, default=[1000, 8192, 32768, 131072])
    p.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    p.add_argument("--arms", nargs="+", default=list(ARMS), choices=list(ARMS))
    p.add_argument("--bases", type=int, default=8_000_000)
    p.add_argument("--most", type=int, default=8192)
    p.add_argument("--table", metavar="RESULTS")
    a = p.parse_args()
    if a.table:
        return table(a.table)
    if not a.work or not a.genomes:
        p.error("name the program, the results, the tokenizers' folder, a folder to work in, and --genomes")
    os.makedirs(a.work, exist_ok=True)
    if not os.path.exists(a.results):
        with open(a.results, "w") as f:
            f.write("\t".join(HEAD) + "\n")
    there = {tuple(line.split("\t")[:3]) for line in open(a.results)}
    for length in a.lengths:
        rows = {"train": max(60, a.bases // length // 5 * 5), "dev": 50, "test": 1000 if length <= 10000 else 500 if length <= 50000 else 100}
        files = {name: os.path.join(a.work, f"species-{length}-{name}.csv") for name in rows}
        if not all(map(os.path.exists, files.values())):
            parts = split(a.genomes, length)
            for number, (name, count) in enumerate(rows.items()):
                draw_windows(files[name], parts, int(name == "test"), count, length, random.Random(length + number))
        for seed in a.seeds:
            for arm in a.arms:
                vocabulary, tokenizer, bases, mixer = ARMS[arm]
                if (str(length), arm, str(seed)) in there or (mixer == "attention" and length // bases > a.most) or (not mixer and not tokenizer and seed != a.seeds[0]):
                    continue
                tables = [x for name, path in files.items() for x in (f"--{name}", path)]
                if mixer:
                    out = os.path.join(a.work, "species-model")
                    batch = max(1, min(16, 65536 // length))  # many steps matter more than steady ones
                    command = [a.vqdna, "finetune", "-q", "--json", "--no-provenance", "--force", "--seed", str(seed), "-o", out, *tables, "--vocabulary",
                               vocabulary, *BODY, "--batch", str(batch), "--set", f"mixer={mixer}", "--set", f"positions={length}", "--phases", str(bases)]
                else:
                    command = [a.vqdna, "probe", "-q", "--json", "--no-provenance", "--seed", str(seed), "--features", vocabulary, *tables]
                command += ["-m", os.path.join(a.models, tokenizer.format(seed))] if tokenizer else []
                r, wall, cpu, peak = run(command)
                accuracy = r["test"]["accuracy"]
                row = [length, arm, seed, rows["train"], rows["test"], *(f"{accuracy[k]:.4f}" for k in ("mean", "low", "high")), r.get("parameters", ""),
                       f"{wall:.0f}", f"{cpu:.0f}", f"{peak:.0f}"]
                with open(a.results, "a") as f:
                    f.write("\t".join(map(str, row)) + "\n")


if __name__ == "__main__":
    main()
