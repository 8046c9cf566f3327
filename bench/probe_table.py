#!/usr/bin/env python3
"""Every feature family under the linear reader, on sets of labelled sequences: k-mers plain and placed, and the codes and vectors of
vocabularies that are trained here (hierarchical codes with the paper's settings, with scarce codes, one level) and of untrained ones.

Appends a row to RESULTS as it is done and skips those that are there, so it can be stopped and started. A model is trained once, into
MODELS. Where something depends on a seed there are three.

usage: probe_table.py VQDNA RESULTS.tsv MODELS --genomes FASTA... --sets NAME=FOLDER...
       FOLDER holds train, dev and test .csv.gz; without train, dev is trained on and a tenth of it held out
"""
import argparse
import json
import os
import subprocess

WORDS = ["kmer:3", "kmer:4", "kmer:5", "kmer:6", "kmer:8:canonical", "kmer:3+3:gap=2", "onehot", "kmer:2@1", "kmer:3@1", "kmer:4@10"]
CODES = ["codes", "pairs:1", "codes@1", "embedding:mean", "embedding:max", "encoder:mean", "encoder:max"]
STEPS = "steps=3000"  # 12.3 M bases
VOCABULARIES = {"hrq": [], "hrq-stride6": ["--set", "decoder_stride=6"], "vq": ["--quantizer", "vq"]}
SEEDS = (1, 2, 3)
HEAD = ["set", "vocabulary", "seed", "features", "columns", "C", "dev_mcc", "test_mcc", "low", "high", "f1_macro", "accuracy", "lookup_mcc",
        "test_rows_in_train", "seconds"]


def trained(a, name, seed):
    """The folder of a vocabulary."""
    folder = os.path.join(a.models, f"{name}-{seed}")
    if not os.path.exists(os.path.join(folder, "metrics.json")):
        os.makedirs(a.models, exist_ok=True)
        subprocess.run([a.vqdna, "train", "-q", "--force", "--seed", str(seed), "--set", STEPS, "-o", folder] + VOCABULARIES[name] + a.genomes, check=True)
    return folder


def probe(a, folder, features, model, seed):
    train = os.path.join(folder, "train.csv.gz")
    dev, test = os.path.join(folder, "dev.csv.gz"), os.path.join(folder, "test.csv.gz")
    sets = ["--train", train, "--dev", dev] if os.path.exists(train) else ["--train", dev]
    command = [a.vqdna, "probe", "-q", "--json", "--no-provenance", "--seed", str(seed), "--features", features, "--test", test] + sets
    done = subprocess.run(command + (["-m", model] if model else []), stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("vqdna")
    parser.add_argument("results")
    parser.add_argument("models")
    parser.add_argument("--genomes", nargs="+", required=True)
    parser.add_argument("--sets", nargs="+", required=True, metavar="NAME=FOLDER")
    a = parser.parse_args()
    there = set()
    if os.path.exists(a.results):
        with open(a.results) as rows:
            there = {tuple(row.split("\t")[:4]) for row in rows}
    else:
        with open(a.results, "w") as rows:
            rows.write("\t".join(HEAD) + "\n")
    # Seed by seed, so that a table that was stopped early has all sets and families, if from fewer seeds.
    jobs = [(set_, "-", 1, f) for set_ in a.sets for f in WORDS]
    jobs += [(set_, v, seed, f) for seed in SEEDS for set_ in a.sets for v in [*VOCABULARIES, "untrained"] for f in CODES]
    for set_, vocabulary, seed, features in jobs:
        name, folder = set_.split("=", 1)
        if (name, vocabulary, str(seed), features) in there:
            continue
        model = None if vocabulary == "-" else trained(a, "hrq" if vocabulary == "untrained" else vocabulary, seed)
        r = probe(a, folder, ("random:" if vocabulary == "untrained" else "") + features, model, seed)
        mcc, test = r["test"]["mcc"], r["test"]
        row = [name, vocabulary, seed, features, r["columns"], r["C"][0], f"{r['dev']['mcc']['mean']:.4f}", f"{mcc['mean']:.4f}",
               f"{mcc['low']:.4f}", f"{mcc['high']:.4f}", f"{test['f1_macro']['mean']:.4f}", f"{test['accuracy']['mean']:.4f}",
               f"{r['lookup']['mcc']['mean']:.4f}", r["test_rows_in_train"], f"{r['seconds']:.1f}"]
        with open(a.results, "a") as rows:
            rows.write("\t".join(map(str, row)) + "\n")


main()
