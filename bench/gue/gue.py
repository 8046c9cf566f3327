#!/usr/bin/env python3
"""GUE, and sets laid out like it, by `vqdna finetune`: every folder below FOLDER that holds train, dev and test .csv(.gz), three seeds each, in our
recipe (ours; strands: the same on both strands and its weights averaged, for labels that have none) and in DNABERT-2's own settings; mean, spread
and the published figures beside it.

Appends a row to RESULTS as it is done and skips those that are there, so it can be stopped and started.

usage: gue.py VQDNA RESULTS.tsv FOLDER --how NAME:OPTIONS... [--seeds 1 2 3] [--rows N] [--only NAME...] [--published TSV]
       --how hrq:"-m tokenizer" --how body:"--init pretrained" --how bases:"--vocabulary conv:9"
       gue.py --table RESULTS.tsv [--published TSV] [--svg OUT.svg]     prints the table, and draws it

Where sets come from: GUE's 28 are DNABERT-2's (github.com/MAGICS-LAB/DNABERT_2); species and enhancers-to-expression, the paper's other two, are
HyenaDNA's and DeepSTARR's.

Beside published figures: they read all training rows with bodies a hundred times larger, pre-trained on 135 species; sets whose train file is
missing here are not run; cov sets cut differently from GUE's covid are not comparable. Test rows are opened once, after dev chose."""
import argparse
import csv
import gzip
import json
import os
import shlex
import statistics
import subprocess
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import picture

# Epochs of DNABERT-2's scripts by group; it trains by a linear rate of 3e-5, batch 32, and chooses by dev loss where we choose by dev MCC.
EPOCHS = {"EMP": 3, "prom": 4, "splice": 5, "virus": 8, "mouse": 5, "tf": 3}
HEAD = ["set", "how", "recipe", "seed", "train_rows", "dev_mcc", "test_mcc", "low", "high", "f1_macro", "seconds", "device"]


def sets(folder):
    """Names and folders of what lies there, and which files."""
    for base, _, files in sorted(os.walk(folder)):
        paths = {}
        for split in ("train", "dev", "test"):
            found = [f for f in files if f in (split + ".csv", split + ".csv.gz")]
            if found:
                paths[split] = os.path.join(base, found[0])
        if len(paths) == 3:
            yield os.path.relpath(base, folder), paths


def published_name(name):
    """A set as the tables of published results call it."""
    group, last = name.split("/")[0], name.split("/")[-1]
    return {"tf": "TF" + last, "mouse": "M" + last, "splice": "Splice", "virus": "Covid"}.get(group, last).replace("prom_300_", "PD").replace(
        "prom_core_", "CPD")


def count(path, most):
    """Rows to train on."""
    opened = gzip.open if path.endswith(".gz") else open
    with opened(path, "rt") as lines:
        rows = sum(1 for _ in lines) - 1
    return min(rows, most) if most else rows


def recipes(name, rows):
    """Options of each recipe; ours is the program's own, for as many epochs as show 100,000 rows, 2 to 10."""
    group = name.split("/")[0]
    epochs = 10 if name.endswith("tata") and "notata" not in name else EPOCHS.get(group, 3)
    ours = ["--epochs", str(max(2, min(10, round(100000 / rows)))), "--batch", "64"]
    return {"ours": ours, "strands": ours + ["--both-strands", "--set", "average=0.998", "--set", "evaluations=2"],
            "dnabert2": ["--epochs", str(epochs), "--batch", "32", "--learning-rate", "3e-5", "--set", "dropout=0.1", "--set", "warmup=0.02"]}


def read_published(path):
    """Scores of a set by model, of those that have one."""
    known = {}
    if path:
        for row in csv.DictReader((line for line in open(path) if line[0] != "#"), delimiter="\t"):
            name = row.pop("dataset")
            known[name] = [(model, float(score)) for model, score in row.items() if score and score != "?"]
    return known


def table(path, published, svg):
    rows = list(csv.DictReader(open(path), delimiter="\t"))
    known, p = read_published(published), picture.Picture()
    left = 16 + picture.width("x" * max([len(f"{r['how']}, {r['recipe']}") for r in rows] + [len(m) for k in known.values() for m, _ in k]))
    for name in dict.fromkeys(r["set"] for r in rows):
        print(name)
        lines = []
        for how, recipe in dict.fromkeys((r["how"], r["recipe"]) for r in rows if r["set"] == name):
            got = [100 * float(r["test_mcc"]) for r in rows if (r["set"], r["how"], r["recipe"]) == (name, how, recipe)]
            print("  %-20s %-10s %6.2f +- %.2f over %d seeds" % (how, recipe, statistics.mean(got), statistics.stdev(got) if len(got) > 1 else 0, len(got)))
            lines.append((f"{how}, {recipe}", picture.COLOURS[len(lines) % 6], got, (min(got), max(got))))
        for model, score in known.get(published_name(name), []):
            print("  %-20s %-10s %6.2f" % (model, "published", score))
            lines.append((model, picture.COLOURS[7], [score], None))
        p.panel(name, lines, left)
    if svg:
        p.note("Test MCC x 100 (macro F1 of covid). Dot: a seed.", "Bar: least to most. Grey: published, of models that read all rows.")
        p.write(svg)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("vqdna", nargs="?")
    p.add_argument("results", nargs="?")
    p.add_argument("folder", nargs="?")
    p.add_argument("--how", action="append", default=[], metavar="NAME:OPTIONS")
    p.add_argument("--recipes", nargs="+", default=["ours"], choices=["ours", "strands", "dnabert2"])
    p.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    p.add_argument("--rows", type=int)
    p.add_argument("--only", nargs="+")
    p.add_argument("--models", help="a folder to keep the models in; default: they are thrown away")
    p.add_argument("--published")
    p.add_argument("--table", metavar="RESULTS")
    p.add_argument("--svg", help="with --table, a picture of it")
    a = p.parse_args()
    if a.table:
        return table(a.table, a.published, a.svg)
    if not a.folder or not a.how:
        p.error("name the program, the results, the folder of sets and at least one --how")
    there = set()
    if os.path.exists(a.results):
        there = {tuple(line.split("\t")[:4]) for line in open(a.results)}
    else:
        with open(a.results, "w") as f:
            f.write("\t".join(HEAD) + "\n")
    out = os.path.join(a.models or "/tmp", "gue-%d" % os.getpid())
    for seed in a.seeds:
        for name, paths in sets(a.folder):
            for how, options in (h.split(":", 1) for h in a.how):
                for recipe in a.recipes:
                    if (name, how, recipe, str(seed)) in there or (a.only and name not in a.only):
                        continue
                    model = os.path.join(a.models, ("%s.%s.%s.%d" % (name, how, recipe, seed)).replace("/", "_")) if a.models else out
                    command = [a.vqdna, "finetune", "-q", "--json", "--force", "--seed", str(seed), "-o", model]
                    command += [x for split, path in paths.items() for x in ("--" + split, path)]
                    command += recipes(name, count(paths["train"], a.rows))[recipe] + shlex.split(options)
                    command += ["--rows", str(a.rows)] if a.rows else []
                    done = subprocess.run(command, stdout=subprocess.PIPE)
                    if done.returncode:
                        sys.exit("gue.py: %s ended with status %d" % (shlex.join(command), done.returncode))
                    r = json.loads(done.stdout)
                    row = [name, how, recipe, seed, a.rows or "all", *("%.4f" % x for x in (
                        r["dev"]["mcc"]["mean"], r["test"]["mcc"]["mean"], r["test"]["mcc"]["low"], r["test"]["mcc"]["high"],
                        r["test"]["f1_macro"]["mean"])), "%.0f" % r["seeds"][0]["seconds"], r["provenance"]["device"]]
                    with open(a.results, "a") as f:
                        f.write("\t".join(map(str, row)) + "\n")
                    if not a.models:
                        subprocess.run(["rm", "-rf", out], check=True)


if __name__ == "__main__":
    main()
