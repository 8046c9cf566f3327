#!/usr/bin/env python3
"""Which variant a genome is, by votes of its windows: a model is fine-tuned on windows of tips, each with at least one substitution, and
`vqdna predict --vote` reads whole genomes of other tips. Beside it a linear model of the words of whole genomes (`vqdna probe`).

Appends a row to RESULTS as it is done and skips those that are there; vocabularies, which never saw anything after spring 2020, lie in WORK.

usage: variants.py VQDNA RESULTS.tsv WORK --data FOLDER --viruses FASTA [--seeds 1 2 3] [--rows 9000] [--genomes 1000] [--how NAME:OPTIONS ...]

OPTIONS are those of `vqdna finetune`; MODEL in them stands for the vocabulary of the seed."""
import json
import os
import random
import subprocess
import time

import tips

HEAD = ["how", "seed", "windows", "genomes", "labels", "window_accuracy", "window_f1_macro", "genome_accuracy", "genome_f1_macro", "seconds"]
HOW = ["pairs:-m MODEL --vocabulary codes:tuned:pairs=4 --set mixer=hyena --set layers=1 --set pool=max --epochs 2"]
WORDS = {"kmer:6 of whole genomes": "kmer:6", "kmer:8 of whole genomes": "kmer:8"}


def f1_macro(truth, said, labels):
    total = 0
    for label in labels:
        hit = sum(t == s == label for t, s in zip(truth, said))
        total += 2 * hit / max(1, truth.count(label) + said.count(label))
    return total / len(labels)


def windows(path, bases, chosen, labels, rows, size, draw):
    """Rows windows, as many of each label: of a tip of that label at a place that has one of its substitutions."""
    by_label = {label: [tip for tip in chosen if tip["who"] == label and tip["subs"]] for label in labels}
    with open(path, "w") as out:
        out.write("sequence,label\n")
        for i in range(rows):
            label = i % len(labels)
            tip = draw.choice(by_label[labels[label]])
            at = draw.choice(tip["subs"])[0] - draw.randrange(size)
            at = min(max(at, 0), len(bases) - size)
            out.write(f"{tips.genome(bases, tip)[at:at + size]},{label}\n")


def whole(path, bases, chosen, labels):
    with open(path, "w") as out:
        out.write("sequence,label\n")
        for tip in chosen:
            out.write(f"{tips.genome(bases, tip)},{labels.index(tip['who'])}\n")


def main():
    p = tips.arguments(__doc__)
    p.add_argument("--rows", type=int, default=9000)
    p.add_argument("--genomes", type=int, default=1000)
    p.add_argument("--window", type=int, default=999)
    p.add_argument("--how", nargs="+", default=HOW)
    p.add_argument("--words", action="store_true", help="the linear models too")
    a = p.parse_args()
    there = tips.begin(a, HEAD, 2)
    bases = tips.reference(a.data)
    chosen = [tip for tip in tips.tips(a.data) if tip["who"]]
    labels = sorted({tip["who"] for tip in chosen})
    random.Random(1).shuffle(chosen)
    held, dev, train = chosen[:a.genomes], chosen[a.genomes:a.genomes + 500], chosen[a.genomes + 500:]
    path = {name: os.path.join(a.work, f"variants-{name}-{a.rows}") for name in ("train.csv", "dev.csv", "test.csv", "genomes.fa", "all.csv", "held.csv")}
    for name, group, rows in (("train.csv", train, a.rows), ("dev.csv", dev, 520), ("test.csv", held, 1040)):
        windows(path[name], bases, group, labels, rows, a.window, random.Random(2))
    tips.write_fasta(path["genomes.fa"], bases, held)

    def append(*row):
        with open(a.results, "a") as f:
            f.write("\t".join(map(str, row)) + "\n")

    truth = [tip["who"] for tip in held]
    for seed in a.seeds:
        for how, options in (h.split(":", 1) for h in a.how):
            if (how, str(seed)) in there:
                continue
            began = time.time()
            if "MODEL" in options:
                options = options.replace("MODEL", tips.vocabulary(a.vqdna, a.work, a.data, a.viruses, "hrq", seed, a.steps))
            model = os.path.join(a.work, f"variants-{how}-{seed}")
            r = json.loads(subprocess.run([a.vqdna, "finetune", "-q", "--json", "--no-provenance", "--force", "--seed", str(seed), "-o", model, "--train",
                                           path["train.csv"], "--dev", path["dev.csv"], "--test", path["test.csv"]] + options.split(),
                                          stdout=subprocess.PIPE, check=True).stdout)
            said = subprocess.run([a.vqdna, "predict", "-q", "--no-provenance", "-m", model, "--window", str(a.window), "--vote", path["genomes.fa"]],
                                  stdout=subprocess.PIPE, check=True, text=True).stdout
            said = [labels[int(line.split("\t")[3])] for line in said.splitlines() if line[0] != "#"]
            append(how, seed, a.rows, len(held), len(labels), f"{r['test']['accuracy']['mean']:.4f}", f"{r['test']['f1_macro']['mean']:.4f}",
                   f"{sum(t == s for t, s in zip(truth, said)) / len(truth):.4f}", f"{f1_macro(truth, said, labels):.4f}", f"{time.time() - began:.0f}")
    for how, features in WORDS.items() if a.words else ():
        if (how, "1") in there:
            continue
        began = time.time()
        whole(path["all.csv"], bases, train[:2000], labels)
        whole(path["held.csv"], bases, held, labels)
        r = json.loads(subprocess.run([a.vqdna, "probe", "-q", "--json", "--no-provenance", "--train", path["all.csv"], "--test", path["held.csv"],
                                       "--features", features], stdout=subprocess.PIPE, check=True).stdout)
        append(how, 1, 2000, len(held), len(labels), "", "", f"{r['test']['accuracy']['mean']:.4f}", f"{r['test']['f1_macro']['mean']:.4f}",
               f"{time.time() - began:.0f}")


if __name__ == "__main__":
    main()
