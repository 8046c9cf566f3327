#!/usr/bin/env python3
"""SARS-CoV-2 lineages told apart by a vocabulary that never saw the future: it is trained on viruses and on genomes to spring 2020, and maps
genomes of 2020 to 2022 by `vqdna map`, beside the rivals: counted differences (Hamming, the ceiling), Mash, 6-mers, one level of codes (vq),
and the untrained network.

Appends a row to RESULTS as it is done and skips those that are there, so it can be stopped and started; models and maps lie in WORK.

usage: lineages.py VQDNA RESULTS.tsv WORK --data FOLDER --viruses FASTA [--tips N] [--seeds 1 2 3] [--steps N]
       FOLDER holds tips.tsv.gz (id, lineage, who, subs), pango_labels.tsv, reference_MN908947.fasta, ncov_example_early2020.fasta.gz
       lineages.py --table RESULTS.tsv

To know: tips have no indels, and their ambiguous bases were imputed. Rows "who" are WHO variants, "pango3" un-aliased Pango lineages cut to
three parts, "clade" Nextstrain's. --tips draws so many at random, the same for every map.

Cost: a vocabulary of 1,500 steps 2 minutes of one core; codes of 1,000 genomes 1 minute; the rivals of 16,237 genomes some minutes."""
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

# name: (vocabulary, or None for one of bases alone; feature of `vqdna map`)
FEATURES = {
    "hamming": (None, "hamming"),
    "mash": (None, "mash"),
    "kmer:6": (None, "kmer:6"),
    "hrq": ("hrq", "codes"),
    "hrq level 1": ("hrq", "codes:level=1"),
    "hrq level 2": ("hrq", "codes:level=2"),
    "vq": ("vq", "codes"),
    "untrained": ("hrq", "random"),
    "hrq vectors": ("hrq", "embedding:mean"),
}
SCORES = ["purity", "silhouette", "v_measure", "adjusted_rand", "variation", "clusters", "noise"]
HEAD = ["features", "seed", "labels", "records", *SCORES, "pair_silhouette", "pair_auroc", "seconds"]
PAIR = "Lambda,Delta"


def opened(path):
    return gzip.open(path, "rt") if path.endswith(".gz") else open(path)


def make_genomes(a, fasta, table):
    """The tips as records, and their labels."""
    reference = "".join(line.strip() for line in opened(os.path.join(a.data, "reference_MN908947.fasta")) if line[0] != ">").upper()
    known = {row["lineage"]: row for row in csv.DictReader(opened(os.path.join(a.data, "pango_labels.tsv")), delimiter="\t")}
    tips = list(csv.DictReader(opened(os.path.join(a.data, "tips.tsv.gz")), delimiter="\t"))
    if a.tips and a.tips < len(tips):
        tips = random.Random(1).sample(tips, a.tips)
    with open(fasta + ".part", "w") as genomes, open(table, "w") as labels:
        labels.write("name\twho\tpango3\tclade\n")
        for tip in tips:
            bases = list(reference)
            for change in filter(None, tip["subs"].split(",")):
                at = int(change[1:-1]) - 1
                assert bases[at] == change[0], change
                bases[at] = change[-1]
            genomes.write(f">{tip['id']}\n{''.join(bases)}\n")
            of = known.get(tip["lineage"], {})
            parts = ".".join(of.get("unaliased", "").split(".")[:3])
            labels.write(f"{tip['id']}\t{tip['who']}\t{parts}\t{of.get('nextstrain_clade') or ''}\n")
    os.replace(fasta + ".part", fasta)


def trained(a, quantizer, seed):
    folder = os.path.join(a.work, f"{quantizer}-{seed}")
    if not os.path.exists(os.path.join(folder, "metrics.json")):
        subprocess.run([a.vqdna, "train", "-q", "--force", "--seed", str(seed), "--quantizer", quantizer, "--steps", str(a.steps), "-o", folder,
                        a.viruses, os.path.join(a.data, "ncov_example_early2020.fasta.gz")], check=True)
    return folder


def table(path):
    rows = collections.defaultdict(list)
    for row in csv.DictReader(open(path), delimiter="\t"):
        rows[row["labels"], row["features"]].append(row)
    shown = [*SCORES, "pair_silhouette", "pair_auroc"]
    for labels in dict.fromkeys(key[0] for key in rows):
        print(f"\n{labels}, {rows[next(k for k in rows if k[0] == labels)][0]['records']} genomes\n\n| features | " + " | ".join(shown) + " |\n|---" +
              "|---" * len(shown) + "|")
        for features in [f for f in FEATURES if (labels, f) in rows]:
            cells = []
            for score in shown:
                got = [float(r[score]) for r in rows[labels, features] if r[score] not in ("", "None")]
                cells.append("" if not got else f"{statistics.mean(got):.3f}" + (f" ± {statistics.stdev(got):.3f}" if len(got) > 1 else ""))
            print(f"| {features} | " + " | ".join(cells) + " |")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("vqdna", nargs="?")
    p.add_argument("results", nargs="?")
    p.add_argument("work", nargs="?")
    p.add_argument("--data")
    p.add_argument("--viruses")
    p.add_argument("--tips", type=int, help="default: all")
    p.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    p.add_argument("--steps", type=int, default=1500)
    p.add_argument("--features", nargs="+", default=list(FEATURES), choices=list(FEATURES))
    p.add_argument("--table", metavar="RESULTS")
    a = p.parse_args()
    if a.table:
        return table(a.table)
    if not a.work or not a.data or not a.viruses:
        p.error("name the program, the results, a folder to work in, --data and --viruses")
    os.makedirs(a.work, exist_ok=True)
    fasta, labels = os.path.join(a.work, f"genomes-{a.tips or 'all'}.fa"), os.path.join(a.work, f"labels-{a.tips or 'all'}.tsv")
    if not os.path.exists(fasta):
        make_genomes(a, fasta, labels)
    there = set()
    if os.path.exists(a.results):
        there = {tuple(line.split("\t")[:2]) for line in open(a.results)}
    else:
        with open(a.results, "w") as f:
            f.write("\t".join(HEAD) + "\n")
    for seed in a.seeds:
        for name in a.features:
            vocabulary, feature = FEATURES[name]
            if (name, str(seed)) in there or (not vocabulary and seed != a.seeds[0]):
                continue
            folder = os.path.join(a.work, f"map-{name}-{seed}".replace(" ", "_").replace(":", ""))
            command = [a.vqdna, "map", "--json", "--no-provenance", "--seed", str(seed), "--labels", labels, "--features", feature, "--pair", PAIR,
                       "-o", folder, fasta]
            command += ["-m", trained(a, vocabulary, seed)] if vocabulary else []
            done = subprocess.run(command, stdout=subprocess.PIPE)
            if done.returncode:
                sys.exit(f"lineages.py: {' '.join(command)} ended with status {done.returncode}")
            result = json.loads(done.stdout)[0]
            with open(a.results, "a") as f:
                for column, of in result["columns"].items():
                    pair = of.get("pairs", {}).get(PAIR, {})
                    row = [name, seed, column, result["records"], *(of[s] if isinstance(of[s], int) or of[s] is None else f"{of[s]:.4f}" for s in SCORES),
                           *("" if pair.get(s) is None else f"{pair[s]:.4f}" for s in ("silhouette", "auroc")), f"{result['seconds']:.0f}"]
                    f.write("\t".join(map(str, row)) + "\n")


if __name__ == "__main__":
    main()
