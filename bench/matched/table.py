#!/usr/bin/env python3
"""What the matched run says, on a page: MCC of every arm on every set, then the claims, each answered yes, no or tie.

A claim A > B is a difference of mean test MCC with a paired 95 % interval: 2,000 times seeds are drawn with replacement from those
both arms have, and test rows with replacement: the same seeds and rows for both arms, and the same seeds on every set, for a seed
is one tokenizer. Over all sets counts the mean of the sets' differences. Yes: the interval lies above zero; no: below; tie: zero is
in it. With one seed (marked *) the interval knows rows alone; with three, as any bootstrap of three, it is too narrow where seeds
differ much.

usage: table.py RESULTS.tsv PREDICTIONS.tsv [--svg OUT.svg] [--out OUT.md]
       both from matched.py, which may still be running: what is not there yet is left out, with a line that says so

Needs numpy. Cost: half a second a set of 6,000 rows with 11 arms and 3 seeds."""
import argparse
import csv
import os
import statistics
import sys
import zlib

import numpy as np

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import picture
from matched import ARMS

PAIRS = [("hrq", "vq"), ("vq", "bpe"), ("bpe", "kmer:6"), ("kmer:6", "onehot"), ("hrq", "conv:9"), ("hrq", "untrained"),
         ("hrq", "hrq fresh"), ("hrq tuned", "hrq"), ("hrq", "kmer:6"), ("hrq tuned", "kmer:6"), ("hrq", "onehot")]
NUMBERS = ("tokens_a_base", "parameters", "test_mcc", "seconds")
REPLICATES = 2000
CHUNK = 100  # replicates whose weights of rows are held at once


def read_results(path, notes):
    """rows[set][arm][seed], in ARMS' order."""
    rows, bad = {}, 0
    with open(path) as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            try:
                row = {**row, "seed": int(row["seed"]), **{key: float(row[key]) for key in NUMBERS}}
            except (KeyError, TypeError, ValueError):
                bad += 1  # mostly the last, which is being written
                continue
            rows.setdefault(row["set"], {}).setdefault(row["arm"], {})[row["seed"]] = row
    if bad:
        notes.append(f"{bad} row{'s' * (bad > 1)} of the results cannot be read.")
    order = [*ARMS, *sorted({arm for arms in rows.values() for arm in arms} - set(ARMS))]
    return {name: {arm: arms[arm] for arm in order if arm in arms} for name, arms in rows.items()}, order


def read_predictions(path):
    """told[set, arm, seed]: what was said of the test rows, a character a row; arm "truth", seed 0: what is true."""
    with open(path) as lines:
        rows = [line.rstrip("\n").split("\t") for line in lines]
    return {(row[0], row[1], int(row[2])): row[3] for row in rows if len(row) == 4}


def mcc(confusion):
    """Of confusion matrices [..., truth, predicted]; of several classes Gorodkin's; 0 where one class is all there is."""
    total, right = confusion.sum((-1, -2)), np.trace(confusion, axis1=-2, axis2=-1)
    truth, told = confusion.sum(-1), confusion.sum(-2)
    below = (total ** 2 - (truth ** 2).sum(-1)) * (total ** 2 - (told ** 2).sum(-1))
    return np.where(below > 0, (total * right - (truth * told).sum(-1)) / np.sqrt(np.where(below > 0, below, 1)), 0)


def resampled(name, arms, said, notes):
    """found[arm][seed]: MCC of the test rows, then of every draw of them, the draws alike for all."""
    truth = said.get((name, "truth", 0), "")
    read = {(arm, seed): said[name, arm, seed] for arm, seeds in arms.items() for seed in seeds if (name, arm, seed) in said}
    missing = [f"{arm} seed {seed}" for arm, seeds in arms.items() for seed in seeds if (arm, seed) not in read]
    if missing:
        notes.append(f"{name}: no predictions of " + (", ".join(missing) if len(missing) < 5 else f"{len(missing)} runs") + ".")
    if not read:
        return {}
    told = {key: predicted for key, predicted in read.items() if len(predicted) == len(truth)}
    notes += [f"{name}: the predictions of {arm} seed {seed} are of another number of rows; left out." for arm, seed in read
              if (arm, seed) not in told]
    if not told:
        return {}
    names = sorted(set(truth).union(*told.values()))
    number, k, n = {label: i for i, label in enumerate(names)}, len(names), len(truth)
    cell = k * np.array([number[x] for x in truth]) + np.array([[number[x] for x in predicted] for predicted in told.values()])
    # Which cell of its confusion matrix each run puts a row in, so that all matrices of a chunk of draws are one product.
    marks = (cell.T[:, :, None] == np.arange(k * k)).reshape(n, -1).astype(np.float32)
    rng = np.random.default_rng(zlib.crc32(name.encode()))  # a set's draws do not change when another set is there
    counts = [np.ones((1, n), np.float32) @ marks]
    for _ in range(REPLICATES // CHUNK):
        drawn = rng.integers(0, n, (CHUNK, n)) + n * np.arange(CHUNK)[:, None]
        counts.append(np.bincount(drawn.ravel(), minlength=CHUNK * n).reshape(CHUNK, n).astype(np.float32) @ marks)
    values = mcc(np.concatenate(counts).astype(np.float64).reshape(-1, len(told), k, k))
    found = {}
    for (arm, seed), column in zip(told, values.T):
        if abs(column[0] - arms[arm][seed]["test_mcc"]) > 2e-4:
            notes.append(f"{name}: the predictions of {arm} seed {seed} give MCC {column[0]:.4f}, its row says "
                         f"{arms[arm][seed]['test_mcc']:.4f}; left out.")
        else:
            found.setdefault(arm, {})[seed] = column
    return found


def over_seeds(columns, luck):
    """The mean over seeds, then that of every draw of seeds. luck[replicate, place] in [0, 1) is one for all sets, so that those
    with the same seeds draw the same."""
    values = np.array([columns[seed] for seed in sorted(columns)])
    k = len(values)
    drawn = (luck[:, :k] * k).astype(int)
    return np.concatenate([[values[:, 0].mean()], values[drawn, 1 + np.arange(REPLICATES)[:, None]].mean(1)])


def interval(values):
    return 100 * values[0], *(100 * np.percentile(values[1:], [2.5, 97.5]))


def difference(found, a, b, luck):
    """Of a pair on a set, and from how many seeds."""
    both = {seed: found[a][seed] - found[b][seed] for seed in found.get(a, {}) if seed in found.get(b, {})}
    return (over_seeds(both, luck), len(both)) if both else None


def answer(values, one_seed):
    mean, low, high = interval(values)
    return f"{'yes' if low > 0 else 'no' if high < 0 else 'tie'} {mean:+.1f} ({low:.1f} to {high:.1f}){'*' * one_seed}"


def line(cells):
    return "| " + " | ".join(cells) + " |"


def between(values, form):
    """One value, or the least and the most where sets differ."""
    texts = list(dict.fromkeys((form.format(min(values)), form.format(max(values)))))
    return " to ".join(texts)


def score(seeds):
    got = [100 * row["test_mcc"] for row in seeds.values()]
    mean = f"{statistics.mean(got):.1f}"
    text = f"{mean} (one seed)" if len(got) == 1 else f"{mean} +- {statistics.stdev(got):.1f} ({len(got)})"
    return text + f", {got.count(0)} collapsed" * (0 in got)  # an MCC of 0 to the last digit: one class is all it tells


def account(rows, order, found, luck, notes):
    """The Markdown."""
    out = ["Test MCC x 100: mean +- standard deviation (seeds).", "",
           line(["arm", *rows, "tokens a base", "M parameters", "seconds"]), line(["---"] + ["---:"] * (len(rows) + 3))]
    absent = []
    for arm in order:
        runs = [row for arms in rows.values() for row in arms.get(arm, {}).values()]
        if runs:
            seconds = min(row["seconds"] for row in runs)  # the least: others ran beside something
            out.append(line([arm, *(score(arms[arm]) if arm in arms else "no rows yet" for arms in rows.values()),
                             between([row["tokens_a_base"] for row in runs], "{:.3g}"),
                             between([row["parameters"] / 1e6 for row in runs], "{:.2f}"), f"{seconds:.0f}"]))
        else:
            absent.append(arm)
    if absent:
        notes.append(f"No rows yet of {', '.join(absent)}.")
    out += ["", "Is A better than B? Difference of MCC x 100, with its paired 95 % interval over seeds and test rows.", "",
            line(["A > B", *rows, "all sets"]), line(["---"] * (len(rows) + 2))]
    starred = False
    for a, b in PAIRS:
        cells, got = [], []
        for name, arms in rows.items():
            pair = difference(found[name], a, b, luck)
            if pair:
                got.append(pair)
                cells.append(answer(pair[0], pair[1] == 1))
            else:
                cells.append("no predictions" if a in arms and b in arms else "no rows yet")
        if got:
            one_seed = any(seeds == 1 for _, seeds in got)
            starred |= one_seed
            some = f", {len(got)} of {len(rows)} sets" * (len(got) < len(rows))
            cells.append(answer(np.mean([values for values, _ in got], 0), one_seed) + some)
        else:
            cells.append("no predictions" if "no predictions" in cells else "no rows yet")
        out.append(line([f"{a} > {b}", *cells]))
    out += ["", "Of twenty claims with nothing behind them one is answered yes or no."]
    if starred:
        out.append("`*` one seed: the interval knows test rows alone.")
    return out + [""] * bool(notes) + [f"- {note}" for note in notes]


def plot(path, rows, order, found, luck):
    """A panel a set, an arm a line."""
    p = picture.Picture()
    left = 16 + max(picture.width(arm) for arms in rows.values() for arm in arms)
    for name, arms in rows.items():
        p.panel(name, [(arm, picture.COLOURS[order.index(arm) % len(picture.COLOURS)], [100 * row["test_mcc"] for row in seeds.values()],
                        interval(over_seeds(found[name][arm], luck))[1:] if arm in found[name] else None) for arm, seeds in arms.items()], left)
    p.note("Test MCC x 100. Dot: a seed. Notch: their mean.", "Bar: its 95 % interval over seeds and test rows.")
    p.write(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results")
    parser.add_argument("predictions")
    parser.add_argument("--svg", metavar="OUT.svg")
    parser.add_argument("--out", metavar="OUT.md", help="default: standard output")
    a = parser.parse_args()
    notes = []
    try:
        rows, order = read_results(a.results, notes)
        said = read_predictions(a.predictions)
    except OSError as error:
        sys.exit(f"table.py: {error}")
    if not rows:
        sys.exit(f"table.py: no rows in {a.results} yet")
    found = {name: resampled(name, arms, said, notes) for name, arms in rows.items()}
    most = max(len(seeds) for arms in rows.values() for seeds in arms.values())
    luck = np.random.default_rng(1).random((REPLICATES, most))
    text = "\n".join(account(rows, order, found, luck, notes)) + "\n"
    if a.out:
        with open(a.out, "w") as out:
            out.write(text)
    else:
        sys.stdout.write(text)
    if a.svg:
        plot(a.svg, rows, order, found, luck)


if __name__ == "__main__":
    main()
