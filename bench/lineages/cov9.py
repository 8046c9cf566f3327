#!/usr/bin/env python3
"""Nine variants of SARS-CoV-2 told from single windows (cov9): fine-tuned bodies that read pairs of codes, with and without the reference's pairs,
and beside them linear models of 12-mers (scikit-learn, penalty chosen on dev), with and without the reference's words.

Appends a row to RESULTS as it is done and skips those that are there; vocabularies, which never saw anything after spring 2020, lie in WORK.

usage: cov9.py VQDNA RESULTS.tsv WORK --data FOLDER --viruses FASTA [--seeds 1 2 3] [--how NAME:OPTIONS ...] [--words]

OPTIONS are those of `vqdna finetune`; REFERENCE in them stands for the reference's file."""
import csv
import json
import os
import shlex
import subprocess

import tips

HEAD = ["how", "seed", "dev_mcc", "test_mcc", "f1_macro", "low", "high", "accuracy", "parameters"]
BODY = "--vocabulary codes:tuned:pairs=4 --set mixer=hyena --set positions=1024 --set layers=1 --set average=0.999 --set evaluations=2"
HOW = [f"mean pool, averaged:{BODY} --epochs 5", f"mean pool, averaged, reference:{BODY} --epochs 5 --reference REFERENCE",
       f"reference, 2 epochs:{BODY} --epochs 2 --reference REFERENCE"]
WORD, PENALTIES = 12, (0.1, 0.3, 1, 3, 10)


def finetuned(a, path, options, seed):
    folder = os.path.join(a.work, "cov9")
    options = [path["reference"] if o == "REFERENCE" else o for o in shlex.split(options)]
    subprocess.run([a.vqdna, "finetune", "-q", "--force", "--seed", str(seed), "--train", path["train"], "--dev", path["dev"], "--test", path["test"],
                    "-m", tips.vocabulary(a.vqdna, a.work, a.data, a.viruses, "hrq", seed, a.steps), *options, "-o", folder],
                   check=True, stdout=subprocess.DEVNULL)
    m = json.load(open(os.path.join(folder, "metrics.json")))
    f1 = m["test"]["f1_macro"]
    return [m["dev"]["mcc"]["mean"], m["test"]["mcc"]["mean"], f1["mean"], f1["low"], f1["high"], m["test"]["accuracy"]["mean"], m["parameters"]]


def linear(path, left_out):
    """The same figures of a linear model of the words that occur twice and are not left out."""
    import numpy as np
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

    sets = {name: list(csv.DictReader(tips.opened(path[name]))) for name in ("train", "dev", "test")}
    words = CountVectorizer(analyzer=lambda s: {s[i:i + WORD] for i in range(len(s) - WORD + 1)} - left_out, binary=True, min_df=2)
    x = {"train": words.fit_transform(r["sequence"] for r in sets["train"])}
    x |= {name: words.transform(r["sequence"] for r in sets[name]) for name in ("dev", "test")}
    y = {name: np.array([int(r["label"]) for r in rows]) for name, rows in sets.items()}
    best, model = -1, None
    for c in PENALTIES:
        tried = LogisticRegression(C=c, max_iter=300, tol=1e-3).fit(x["train"], y["train"])
        mcc = matthews_corrcoef(y["dev"], tried.predict(x["dev"]))
        if mcc > best:
            best, model = mcc, tried
    said, truth, draw = model.predict(x["test"]), y["test"], np.random.default_rng(1)
    drawn = [draw.integers(len(truth), size=len(truth)) for _ in range(1000)]
    low, high = np.quantile([f1_score(truth[d], said[d], average="macro") for d in drawn], [0.025, 0.975])
    return [best, matthews_corrcoef(truth, said), f1_score(truth, said, average="macro"), low, high, accuracy_score(truth, said), model.coef_.size]


def main():
    p = tips.arguments(__doc__)
    p.add_argument("--how", nargs="+", default=HOW)
    p.add_argument("--words", action="store_true", help="the linear models too")
    a = p.parse_args()
    there = tips.begin(a, HEAD, 2)
    path = {name: os.path.join(a.data, "cov9", name + ".csv.gz") for name in ("train", "dev", "test")}
    path["reference"] = os.path.join(a.data, "reference_MN908947.fasta")

    def append(how, seed, run):
        if (how, str(seed)) in there:
            return
        figures = run()
        with open(a.results, "a") as f:
            f.write("\t".join([how, str(seed), *(f"{x:.4f}" if isinstance(x, float) else str(x) for x in figures)]) + "\n")

    if a.words:
        bases = tips.reference(a.data)
        append("12-mers, linear", "-", lambda: linear(path, set()))
        append("12-mers, linear, reference", "-", lambda: linear(path, {bases[i:i + WORD] for i in range(len(bases) - WORD + 1)}))
    for seed in a.seeds:
        for how in a.how:
            name, options = how.split(":", 1)
            append(name, seed, lambda: finetuned(a, path, options, seed))


if __name__ == "__main__":
    main()
