#!/usr/bin/env python3
"""SARS-CoV-2 lineages told apart by a vocabulary that never saw the future: it is trained on viruses and on genomes to spring 2020, and maps
genomes of 2020 to 2022 by `vqdna map`, beside the rivals: counted differences (Hamming, the ceiling), Mash, 6-mers, one level of codes (vq),
and the untrained network.

Appends a row to RESULTS as it is done and skips those that are there, so it can be stopped and started; models and maps lie in WORK.

usage: lineages.py VQDNA RESULTS.tsv WORK --data FOLDER --viruses FASTA [--tips N] [--seeds 1 2 3] [--steps N] [--figures DIR]
       FOLDER holds tips.tsv.gz (id, lineage, who, subs), pango_labels.tsv, reference_MN908947.fasta, ncov_example_early2020.fasta.gz
       lineages.py --table RESULTS.tsv

To know: tips have no indels, and their ambiguous bases were imputed. Rows "who" are WHO variants, "pango3" un-aliased Pango lineages cut to
three parts, "clade" Nextstrain's. Seconds are those of the pass that a model's features share, and the feature's own. --tips draws so many
at random, the same for every map.

--figures DIR: two pictures of each map of the first seed, DIR/NAME-who.svg (all WHO variants) and DIR/NAME-lambda-delta.svg (Lambda beside
Delta, all others grey), at most 4,000 points, drawn at random, all of Lambda's among them; the picture says so.

Cost: a vocabulary of 1,500 steps 2 minutes of one core; then one call of `vqdna map` for all features of a model, whose codes of 1,000 genomes
are had once, in half a minute of one core, of all 16,237 in 2; the rivals' neighbours, layout and scores of 1,000 genomes some seconds
each, growing with the square."""
import argparse
import collections
import csv
import json
import os
import random
import re
import statistics
import subprocess
import sys
import time

import tips

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


def make_genomes(a, fasta, table):
    """The tips as records, and their labels."""
    known = {row["lineage"]: row for row in csv.DictReader(tips.opened(os.path.join(a.data, "pango_labels.tsv")), delimiter="\t")}
    chosen = tips.tips(a.data)
    if a.tips and a.tips < len(chosen):
        chosen = random.Random(1).sample(chosen, a.tips)
    with open(table, "w") as labels:
        labels.write("name\twho\tpango3\tclade\n")
        for tip in chosen:
            of = known.get(tip["lineage"], {})
            parts = ".".join(of.get("unaliased", "").split(".")[:3])
            labels.write(f"{tip['id']}\t{tip['who']}\t{parts}\t{of.get('nextstrain_clade') or ''}\n")
    tips.write_fasta(fasta, tips.reference(a.data), chosen)


VARIANTS = {"Alpha": "#0072b2", "Beta": "#009e73", "Gamma": "#cc79a7", "Delta": "#d55e00", "Lambda": "#56b4e9", "Mu": "#e69f00",
            "Omicron": "#5d4a9c", "Epsilon": "#8c6d31", "Iota": "#2f4b3a", "Kappa": "#b04a6a", "Eta": "#7a9a01", "Zeta": "#444444", "Theta": "#a05195"}
MOST_POINTS, SIDE = 4000, 560


def read_map(path):
    """Places and WHO variants of a map.tsv."""
    rows = [line.rstrip("\n").split("\t") for line in open(path) if not line.startswith(("#vqdna", "#provenance"))]
    x, y, who = (rows[0].index(name) for name in ("x", "y", "who"))
    return [(float(r[x]), float(r[y]), r[who]) for r in rows[1:]]


def draw(path, title, points, shown):
    """An SVG of the points, those of a variant in `shown` in its colour, above the others."""
    sample = points
    if len(points) > MOST_POINTS:
        kept = [p for p in points if p[2] == "Lambda"]
        rest = [p for p in points if p[2] != "Lambda"]
        sample = kept + random.Random(1).sample(rest, max(0, MOST_POINTS - len(kept)))
        title += f"; {len(sample):,} of {len(points):,} genomes drawn, all of Lambda's among them"
    low = [min(p[k] for p in points) for k in (0, 1)]
    span = max(max(p[k] for p in points) - low[k] for k in (0, 1)) or 1
    place = lambda p: (20 + SIDE * (p[0] - low[0]) / span, 40 + SIDE * (1 - (p[1] - low[1]) / span))
    groups = collections.defaultdict(list)
    for p in sample:
        groups[p[2] if p[2] in shown else ""].append(p)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIDE + 180} {SIDE + 60}" font-family="sans-serif" font-size="13">',
           f'<rect width="100%" height="100%" fill="#fff"/>\n<text x="20" y="24">{title}</text>']
    order = sorted(groups, key=lambda g: (g != "", -len(groups[g])))
    for line, name in enumerate(order):
        out.append(f'<g fill="{VARIANTS.get(name, "#777") if name else "#ccc"}" fill-opacity="0.7">')
        out += ['<circle cx="%.1f" cy="%.1f" r="2"/>' % place(p) for p in groups[name]]
        out.append(f'<circle cx="{SIDE + 40}" cy="{56 + 20 * line}" r="5"/></g>')
        count = sum(1 for p in points if (p[2] if p[2] in shown else "") == name)
        out.append(f'<text x="{SIDE + 52}" y="{60 + 20 * line}">{name or "others"} ({count})</text>')
    with open(path, "w") as f:
        f.write("\n".join(out) + "\n</svg>\n")


def draw_figures(a, name, folder):
    points = read_map(os.path.join(folder, "map.tsv"))
    stem = os.path.join(a.figures, name.replace(" ", "-").replace(":", ""))
    draw(f"{stem}-who.svg", f"SARS-CoV-2 by {name}: WHO variants", points, set(VARIANTS))
    draw(f"{stem}-lambda-delta.svg", f"SARS-CoV-2 by {name}: Lambda beside Delta", points, {"Lambda", "Delta"})


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
    p.add_argument("--figures", metavar="DIR")
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
    if a.figures:
        os.makedirs(a.figures, exist_ok=True)
    for seed in a.seeds:
        for vocabulary in dict.fromkeys(FEATURES[name][0] for name in a.features):
            names = [name for name in a.features if FEATURES[name][0] == vocabulary]
            if not vocabulary and seed != a.seeds[0]:
                continue
            run(a, vocabulary, seed, names, there, fasta, labels)


def run(a, vocabulary, seed, names, there, fasta, labels):
    """One call of `vqdna map` for all features of a model; rows and figures of each as they are there."""
    top = os.path.join(a.work, f"map-{vocabulary or 'bases'}-{seed}-{a.tips or 'all'}")
    # Each feature has a folder of its own only if there are two.
    folders = {name: os.path.join(top, re.sub("[:=/]", "_", FEATURES[name][1])) if len(names) > 1 else top for name in names}
    left = [name for name in names if (name, str(seed)) not in there]
    if left:
        features = [FEATURES[name][1] for name in left]
        if len(left) == 1 < len(names):  # one that is done keeps it company
            features.append(next(FEATURES[name][1] for name in names if name not in left))
        command = [a.vqdna, "map", "-q", "--no-provenance", "--resume", "--seed", str(seed), "--labels", labels, "--pair", PAIR, "-o", top, fasta]
        command += [f"--features={f}" for f in features] + (["-m", tips.vocabulary(a.vqdna, a.work, a.data, a.viruses, vocabulary, seed, a.steps)] if vocabulary else [])
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        while left:
            ended = process.poll()  # before looking: what is there at the end was there when it ended
            for name in [n for n in left if os.path.exists(os.path.join(folders[n], "metrics.json"))]:
                append(a.results, name, seed, json.load(open(os.path.join(folders[name], "metrics.json"))))
                left.remove(name)
            if ended is not None and (ended or left):
                sys.exit(f"lineages.py: {' '.join(command)} ended with status {ended}")
            if left:
                time.sleep(1)
        if process.wait():
            sys.exit(f"lineages.py: {' '.join(command)} ended with status {process.returncode}")
    for name in names if a.figures and seed == a.seeds[0] else []:
        draw_figures(a, name, folders[name])


def append(path, name, seed, result):
    with open(path, "a") as f:
        for column, of in result["columns"].items():
            pair = of.get("pairs", {}).get(PAIR, {})
            row = [name, seed, column, result["records"], *(of[s] if isinstance(of[s], int) or of[s] is None else f"{of[s]:.4f}" for s in SCORES),
                   *("" if pair.get(s) is None else f"{pair[s]:.4f}" for s in ("silhouette", "auroc")),
                   f"{result['pass_seconds'] + result['seconds']:.0f}"]
            f.write("\t".join(map(str, row)) + "\n")


if __name__ == "__main__":
    main()
