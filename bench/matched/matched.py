#!/usr/bin/env python3
"""The paper's comparison, run fairly: the same body, rows, steps and rate for every vocabulary, from scratch; three seeds; and what could
embarrass the learned ones beside them (codes of an untrained encoder, fresh or tuned vectors for the same codes, a learned convolution over bases).

Appends a row to RESULTS as it is done and skips those that are there, so it can be stopped and started; what was said of the test rows goes to
PREDICTIONS.tsv, a line a run with a character a row, for paired intervals (bench/matched/table.py). Models of tokenizers lie in MODELS, as
bench/probe_table.py trains them; bpe.json is trained there if it is missing.

usage: matched.py VQDNA RESULTS.tsv PREDICTIONS.tsv MODELS --genomes FASTA... --sets NAME=FOLDER... [--seeds 1 2 3] [--arms ARM...]
       FOLDER holds train, dev and test .csv.gz

Cost on one core with AVX-512: 4 minutes a row of 70 bases (prom_core_*), 6 of 101 (tf, mouse), a stride divides it; 12 arms, 4 sets and
3 seeds are some 10 hours."""
import argparse
import json
import os
import subprocess
import sys

import bpe

# arm: (vocabulary, tokenizer in MODELS with the seed in its name, or None)
ARMS = {
    "conv:9": ("conv:9", None),
    "hrq": ("codes", "hrq-{}"),
    "untrained": ("codes", "untrained-{}"),
    "vq": ("codes", "vq-{}"),
    "kmer:6": ("kmer:6", None),
    "bpe": (f"ids:{bpe.ENTRIES}", "bpe.json"),
    "onehot": ("onehot", None),
    "hrq fresh": ("codes:fresh", "hrq-{}"),
    "hrq tuned": ("codes:tuned", "hrq-{}"),
    "hrq-stride6": ("codes", "hrq-stride6-{}"),
    "hrq-stride6 stride 3": ("codes:stride=3", "hrq-stride6-{}"),
    "hrq-stride6 stride 6": ("codes:stride=6", "hrq-stride6-{}"),
    "kmer:6 stride 6": ("kmer:6:stride=6", None),
}
CLASSES = "0123456789abcdefghijklmnopqrstuvwxyz"  # a character a class, in the order of labels
BODY = ["--set", "width=128", "--set", "layers=3", "--set", "heads=4", "--batch", "64", "--epochs", "5", "--rows", "10000"]
HEAD = ["set", "arm", "seed", "vocabulary", "tokens_a_base", "parameters", "dev_mcc", "test_mcc", "low", "high", "f1_macro", "test_rows", "seconds"]


def untrained(a, folder, seed):
    """The network as it starts, its codebooks by k-means."""
    subprocess.run([a.vqdna, "train", "-q", "--seed", str(seed), "--steps", "1", "--set", "learning_rate=1e-12", "-o", folder] + a.genomes, check=True)


def as_ids(a, name, folder):
    """The tables of a set as arrays of BPE's ids, and tokens a base."""
    tokenizer = bpe.trained(os.path.join(a.models, "bpe.json"), a.genomes)
    out = {split: os.path.join(a.models, f"bpe-{name}-{split}.npy") for split in ("train", "dev", "test")}
    return out, [bpe.encode(tokenizer, os.path.join(folder, split + ".csv.gz"), path) for split, path in out.items()][0]


def keep_predictions(path, key, table):
    """A line of the run, after one of the truth if it is the set's first."""
    with open(table) as lines:
        rows = [line.rstrip("\n").split("\t") for line in lines if line[0] != "#"]
    labels = sorted({row[1] for row in rows} | {row[2] for row in rows}, key=lambda x: (len(x), x))
    known = {line.split("\t", 1)[0] for line in open(path)} if os.path.exists(path) else set()
    text = lambda column: "".join(CLASSES[labels.index(row[column])] for row in rows)
    with open(path, "a") as out:
        if key[0] not in known:
            out.write(f"{key[0]}\ttruth\t0\t{text(1)}\n")
        out.write("\t".join(map(str, key)) + f"\t{text(2)}\n")


def run(command):
    """Its JSON, and seconds of processor time, which a busy machine hardly changes."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    text = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"matched.py: {' '.join(command)} ended with status {status}")
    return json.loads(text), usage.ru_utime + usage.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("vqdna")
    parser.add_argument("results")
    parser.add_argument("predictions")
    parser.add_argument("models")
    parser.add_argument("--genomes", nargs="+", required=True)
    parser.add_argument("--sets", nargs="+", required=True, metavar="NAME=FOLDER")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--arms", nargs="+", default=list(ARMS))
    a = parser.parse_args()
    there = set()
    if os.path.exists(a.results):
        with open(a.results) as rows:
            there = {tuple(row.split("\t")[:3]) for row in rows}
    else:
        with open(a.results, "w") as rows:
            rows.write("\t".join(HEAD) + "\n")
    for seed in a.seeds:
        for name, folder in (s.split("=", 1) for s in a.sets):
            for arm in a.arms:
                vocabulary, tokenizer = ARMS[arm]
                model = tokenizer and os.path.join(a.models, tokenizer.format(seed))
                if arm == "untrained" and not os.path.exists(os.path.join(model, "metrics.json")):
                    untrained(a, model, seed)
                if (name, arm, str(seed)) in there:
                    continue
                if model and arm != "bpe" and not os.path.exists(os.path.join(model, "metrics.json")):
                    print(f"{arm}, seed {seed}: no {model}, left out", file=sys.stderr)
                    continue
                out = a.results + ".model"
                command = [a.vqdna, "finetune", "-q", "--json", "--no-provenance", "--force", "--seed", str(seed), "-o", out, "--vocabulary", vocabulary]
                command += BODY + (["-m", model] if model and arm != "bpe" else [])
                tables = {split: os.path.join(folder, split + ".csv.gz") for split in ("train", "dev", "test")}
                stride = int(vocabulary.split("stride=")[1]) if "stride=" in vocabulary else 1
                tokens_a_base = 1 / stride
                if arm == "bpe":
                    tables, tokens_a_base = as_ids(a, name, folder)
                for split, table in tables.items():
                    command += ["--" + split, table]
                r, seconds = run(command)
                keep_predictions(a.predictions, (name, arm, seed), os.path.join(out, "predictions.tsv"))
                subprocess.run(["rm", "-r", out], check=True)
                test = r["test"]
                row = [name, arm, seed, vocabulary, f"{tokens_a_base:.3f}", r["parameters"], *(f"{x:.4f}" for x in (
                    r["dev"]["mcc"]["mean"], test["mcc"]["mean"], test["mcc"]["low"], test["mcc"]["high"], test["f1_macro"]["mean"])),
                    test["rows"], f"{seconds:.0f}"]
                with open(a.results, "a") as rows:
                    rows.write("\t".join(map(str, row)) + "\n")


if __name__ == "__main__":
    main()
