#!/usr/bin/env python3
"""The table that probe_table.py appends to, summed up: test MCC x 100 of each vocabulary and family of features on each set, mean and standard
deviation over the seeds; and the paper's order under a linear reader, pair by pair, from the differences of seeds on sets.

usage: probe_summary.py RESULTS.tsv [--families F...]     Markdown to standard output"""
import argparse
import collections
import csv
import math
import statistics

NAMES = {"hrq": "hrq", "hrq-stride6": "hrq, `decoder_stride=6`", "vq": "vq", "untrained": "untrained network", "-": ""}
PAIRS = [("hrq", "vq"), ("hrq", "untrained"), ("hrq-stride6", "hrq"), ("hrq", "kmer:6"), ("hrq", "onehot")]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("results")
    p.add_argument("--families", nargs="+", help="only these")
    a = p.parse_args()
    scores, sets, rows = collections.defaultdict(dict), [], []
    for r in csv.DictReader(open(a.results), delimiter="\t"):
        scores[r["vocabulary"], r["features"], r["set"]][int(r["seed"])] = 100 * float(r["test_mcc"])
        sets += [r["set"]] if r["set"] not in sets else []
        rows += [(r["features"], r["vocabulary"])] if (r["features"], r["vocabulary"]) not in rows else []
    order = list(NAMES)
    families = list(dict.fromkeys(f for f, _ in rows))
    print("| features | " + " | ".join(sets) + " |\n|---" + "|---" * len(sets) + "|")
    for features, vocabulary in sorted(rows, key=lambda x: (families.index(x[0]), order.index(x[1]))):
        if a.families and features not in a.families:
            continue
        cells = []
        for name in sets:
            got = list(scores[vocabulary, features, name].values())
            cells.append("" if not got else f"{statistics.mean(got):.0f}" + (f" ± {statistics.stdev(got):.1f}" if len(got) > 1 else ""))
        print(f"| {features}{', ' if NAMES[vocabulary] else ''}{NAMES[vocabulary]} | " + " | ".join(cells) + " |")
    seeds = sorted({s for of in scores.values() for s in of})
    print(f"\nMean and standard deviation over seeds ({', '.join(map(str, seeds))}; k-mers have none).\n")
    print("| `codes`: A > B | mean difference | sets where it is above 0 | answer |\n|---|---|---|---|")
    for first, second in PAIRS:
        means = []
        for name in sets:
            x = scores[first, "codes", name]
            y = scores[second, "codes", name] or scores["-", second, name]
            both = [x[s] - (y[s] if s in y else y[1]) for s in x if s in y or list(y) == [1]]
            means += [statistics.mean(both)] if both else []
        spread = statistics.stdev(means) / math.sqrt(len(means)) if len(means) > 1 else math.inf
        mean = statistics.mean(means)
        # Sets are what a claim of this kind generalises over: two standard errors over them.
        answer = "yes" if mean > 2 * spread else "no, the other way" if mean < -2 * spread else "tie"
        print(f"| {first} > {second} | {mean:+.1f} ± {spread:.1f} | {sum(m > 0 for m in means)} of {len(means)} | {answer} |")


if __name__ == "__main__":
    main()
