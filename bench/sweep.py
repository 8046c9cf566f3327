#!/usr/bin/env python3
"""An ablation as one command: one option varied, all else held. For every value and seed a tokenizer is trained, then measured on a
genome it has not seen (reconstruction, loss), and on every set given under the linear reader of its codes (probe) and fine-tuned.

Appends a row to RESULTS as it is done and skips those there, so it can be stopped and started. Models lie in FOLDER, named by
the options that made them, and are made once: where the body's option varies, a seed has one tokenizer for all values, and its own
measurements stand under the value "any". One RESULTS may hold many options, each under one setting; others are refused.

usage: sweep.py VQDNA RESULTS.tsv FOLDER --vary [train:|pretrain:|finetune:]KEY=V1,V2,... --genomes FASTA... [--held-out FASTA]
                [--set NAME=FOLDER...] [--seeds 1 2 3] [--steps N] [--train KEY=VALUE...] [--pretrain KEY=VALUE...]
                [--finetune KEY=VALUE...] [--threads N] [--svg OUT.svg]
       sweep.py --table RESULTS.tsv [--svg OUT.svg]     prints the tables alone

       --vary codes=128,256,512,1024    --vary dim=32,64,128    --vary levels=1,2,3    --vary decoder_stride=1,2,3,6
       --vary finetune:vocabulary=codes,codes:stride=2,codes:stride=3    --vary pretrain:mask=0.15,0.25,0.5
       KEY is an option that `vqdna COMMAND --set help` lists, or a long one of `vqdna COMMAND --help`: --finetune rows=10000.
       A body is pre-trained in between where --pretrain is given or an option of it varies; finetune then takes its shape from it.
       NAME's folder holds train, dev and test .csv.gz.

Cost: that of its commands. On one core with AVX-512 a tiny tokenizer of 1,000 steps takes some 2 minutes, the probe one, and the
fine-tuning of matched/matched.py (--finetune width=128 layers=3 rows=10000 epochs=5 batch=64) 4 to 6: 4 values, 3 seeds and one set
are some 1.5 hours."""
import argparse
import csv
import json
import os
import shlex
import statistics
import subprocess
import sys
import zlib

import picture

COMMANDS = ("train", "pretrain", "finetune")
HEAD = ["option", "value", "seed", "measure", "on", "result", "seconds", "settings"]
# measure: (title, factor, digits)
MEASURES = {"reconstruction": ("reconstruction, %", 100, 2), "loss": ("loss, nats a base", 1, 4),
            "probe": ("linear probe, MCC x 100", 100, 1), "finetuned": ("fine-tuned, MCC x 100", 100, 1)}


class Sweep:
    def __init__(self, a):
        self.a = a
        command, colon, rest = a.vary.partition(":")
        self.command, self.varied = (command, rest) if colon and command in COMMANDS else ("train", a.vary)
        self.key, _, values = self.varied.partition("=")
        self.values = [v for v in values.split(",") if v]
        if not self.values:
            sys.exit(f"sweep.py: --vary {a.vary} gives no values; write KEY=V1,V2,...")
        self.option = self.key if self.command == "train" else f"{self.command}:{self.key}"
        self.fixed = {"train": pairs(a.train), "pretrain": pairs(a.pretrain), "finetune": pairs(a.finetune)}
        if a.steps:
            self.fixed["train"]["steps"] = a.steps
        self.fixed[self.command].pop(self.key, None)
        self.pretrains = self.command == "pretrain" or a.pretrain is not None
        self.known = {c: {line.split()[0] for line in self.run([c, "--set", "help"]).splitlines()} for c in COMMANDS}
        self.sets = pairs(a.set)

    def run(self, arguments):
        command = [self.a.vqdna] + arguments
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            try:
                out = child.communicate()[0]
            except KeyboardInterrupt:
                child.wait()  # Ctrl-C reached it too, and it writes a checkpoint first
                raise
        if child.returncode:
            sys.exit(f"sweep.py: {shlex.join(command)} ended with status {child.returncode}")
        return out

    def measured(self, arguments):
        return json.loads(self.run(arguments + ["-q", "--json", "--no-provenance"] + self.threads()))

    def threads(self):
        return ["-t", str(self.a.threads)] if self.a.threads else []

    def options(self, command, value):
        """As a dictionary, and as arguments: what --set does not know is a long option."""
        chosen = {**self.fixed[command], **({self.key: value} if command == self.command else {})}
        arguments = []
        for key, of in chosen.items():
            arguments += ["--set", f"{key}={of}"] if key in self.known[command] else [f"--{key}"] + [of] * (of != "")
        return chosen, arguments

    def model(self, command, value, seed, arguments, inputs):
        """The folder of a model, which is made if it is not there."""
        every = self.options(command, value)[1] + arguments + [os.path.abspath(f) for f in inputs]
        name = f"{command}-{seed}-{zlib.crc32(shlex.join(every).encode()):08x}"
        if command == self.command:
            name = f"{self.key}={value}-{name}".replace(":", "_").replace("/", "_")
        folder = os.path.join(self.a.folder, name)
        if not os.path.exists(os.path.join(folder, "metrics.json")):
            os.makedirs(self.a.folder, exist_ok=True)
            begun = os.path.exists(os.path.join(folder, "trainer.json"))  # a run that was stopped goes on bit for bit
            how = ["-q", "--resume" if begun else "--force", "--seed", str(seed), "-o", folder]
            self.run([command] + how + self.threads() + every)
        return folder

    def tokenizer(self, value, seed):
        return self.model("train", value, seed, [], self.a.genomes)

    def of_tokenizer(self, command, value, seed):
        """Its -m argument, where its vocabulary is made of codes."""
        vocabulary = self.options(command, value)[0].get("vocabulary", "codes")
        return ["-m", self.tokenizer(value, seed)] if vocabulary.startswith("codes") else []

    def evaluate(self, value, seed):
        r = self.measured(["eval", "-m", self.tokenizer(value, seed), self.a.held_out])
        return {"reconstruction": r["reconstruction_accuracy"], "loss": r["cross_entropy"]}, r["seconds"]

    def splits(self, name):
        return [x for split in ("train", "dev", "test") for x in ("--" + split, os.path.join(self.sets[name], split + ".csv.gz"))]

    def probe(self, value, seed, name):
        tokenizer = self.tokenizer(value, seed)
        r = self.measured(["probe", "--features", "codes", "--seed", str(seed), "-m", tokenizer] + self.splits(name))
        return {"probe": r["test"]["mcc"]["mean"]}, r["seconds"]

    def finetune(self, value, seed, name):
        begin = ["--init", self.model("pretrain", value, seed, self.of_tokenizer("pretrain", value, seed), self.a.genomes)] \
            if self.pretrains else self.of_tokenizer("finetune", value, seed)
        out = os.path.join(self.a.folder, f"finetune-{os.getpid()}")
        try:
            r = self.measured(["finetune", "--force", "--seed", str(seed), "-o", out] + begin + self.splits(name)
                              + self.options("finetune", value)[1])
        finally:
            subprocess.run(["rm", "-rf", out], check=True)
        return {"finetuned": r["test"]["mcc"]["mean"]}, r["seeds"][0]["seconds"]

    def settings(self, measure):
        """What a row of that measure depends on beside value and seed, without folders."""
        def told(command):
            return " ".join([command] + [f"{k}={v}" if v else k for k, v in sorted(self.fixed[command].items())])
        parts = [" ".join([told("train"), "on"] + [os.path.basename(f) for f in self.a.genomes])]
        if measure == "finetuned":
            parts += [told("pretrain")] * self.pretrains + [told("finetune")]
        return "; ".join(parts)

    def jobs(self):
        """Seed by seed, so that a sweep that was stopped early has all values, if from fewer seeds."""
        held_out = self.a.held_out
        for seed in self.a.seeds:
            for value in self.values:
                of_codes = value if self.command == "train" else "any"
                if held_out:
                    yield of_codes, seed, ("reconstruction", "loss"), os.path.basename(held_out), lambda: self.evaluate(value, seed)
                for name in self.sets:
                    yield of_codes, seed, ("probe",), name, lambda: self.probe(value, seed, name)
                    yield value, seed, ("finetuned",), name, lambda: self.finetune(value, seed, name)


def pairs(texts):
    return dict(text.split("=", 1) if "=" in text else (text, "") for text in texts or [])


def read(path):
    with open(path) as lines:
        return [row for row in csv.DictReader(lines, delimiter="\t") if row.get("settings")]  # not one that was cut short


def sweep(a):
    s = Sweep(a)
    if not os.path.exists(a.results):
        with open(a.results, "w") as out:
            out.write("\t".join(HEAD) + "\n")
    rows = [row for row in read(a.results) if row["option"] == s.option]
    for row in rows:
        if row["settings"] != s.settings(row["measure"]):
            sys.exit(f"sweep.py: {a.results} holds rows of {s.option} under other settings ({row['settings']}, now "
                     f"{s.settings(row['measure'])}); name another file")
    there = {(row["value"], int(row["seed"]), row["measure"], row["on"]) for row in rows}
    for value, seed, measures, on, run in s.jobs():
        if all((value, seed, measure, on) in there for measure in measures):
            continue
        results, seconds = run()
        with open(a.results, "a") as out:
            for measure in measures:
                there.add((value, seed, measure, on))
                row = [s.option, value, seed, measure, on, f"{results[measure]:.6f}", f"{seconds:.1f}", s.settings(measure)]
                out.write("\t".join(map(str, row)) + "\n")


def numbers(values):
    try:
        return [float(v) for v in values]
    except ValueError:
        return None


def values_in_order(rows):
    values = list(dict.fromkeys(row["value"] for row in rows))
    chosen = [v for v in values if v != "any"]
    return ["any"] * ("any" in values) + (sorted(chosen, key=float) if numbers(chosen) else chosen)


def columns(rows):
    """(measure, on): value: results."""
    found = {}
    for measure in MEASURES:
        for row in rows:
            if row["measure"] == measure:
                of = found.setdefault((measure, row["on"]), {})
                of.setdefault(row["value"], []).append(MEASURES[measure][1] * float(row["result"]))
    return found


def cell(results, digits):
    if not results:
        return "-"
    mean = f"{statistics.mean(results):.{digits}f}"
    text = f"{mean} (one seed)" if len(results) == 1 else f"{mean} +- {statistics.stdev(results):.{digits}f} ({len(results)})"
    return text + f", {results.count(0)} collapsed" * (0 in results)  # an MCC of 0 to the last digit: one class is all it tells


def table(rows):
    print("Mean +- standard deviation (seeds).")
    for option in dict.fromkeys(row["option"] for row in rows):
        of = [row for row in rows if row["option"] == option]
        found = columns(of)
        print()
        print(" | ".join([f"| {option}"] + [f"{MEASURES[measure][0]}: {on}" for measure, on in found]), "|")
        print("| ---" + " | ---:" * len(found), "|")
        for value in values_in_order(of):
            print(" | ".join([f"| {value}"] + [cell(results.get(value), MEASURES[m][2]) for (m, _), results in found.items()]), "|")
        print("\n" + max((row["settings"] for row in of), key=len))  # the others are its beginning


def plot(path, rows):
    """A panel a measure: the means, as a line where values are numbers, a standard deviation up and down, and every seed."""
    p = picture.Picture()
    left, right, tall, y = 64, picture.WIDE - 24, 130, 8
    for option in dict.fromkeys(row["option"] for row in rows):
        of = [row for row in rows if row["option"] == option]
        for k, ((measure, on), results) in enumerate(columns(of).items()):
            values = [v for v in values_in_order(of) if v in results and v != "any"]
            if not values:
                continue
            colour = picture.COLOURS[list(MEASURES).index(measure)]
            means = [statistics.mean(results[v]) for v in values]
            sds = [statistics.stdev(results[v]) if len(results[v]) > 1 else 0 for v in values]
            ends = [m + d for m, sd in zip(means, sds) for d in (-sd, sd)] + [result for v in values for result in results[v]]
            at, texts = picture.ticks(min(ends), max(ends))
            top, gap = y + 50, (right - left) / len(values)

            def place(v):
                return top + (1 - (v - at[0]) / (at[-1] - at[0])) * tall
            p.text(8, y + 16, MEASURES[measure][0], font_weight="bold", size=15)
            p.text(8, y + 33, on, size=12)
            for v, text in zip(at, texts):
                p.line(left, place(v), right, place(v))
                p.text(left - 6, place(v) + 4, text, "end", size=12)
            xs = [left + (i + 0.5) * gap for i in range(len(values))]
            for i in range(len(values) - 1 if numbers(values) else 0):
                p.line(xs[i], place(means[i]), xs[i + 1], place(means[i + 1]), colour, 2)
            for x, v, mean, sd in zip(xs, values, means, sds):
                if sd:
                    p.line(x, place(mean - sd), x, place(mean + sd), colour, 2)
                p.line(x - 5, place(mean), x + 5, place(mean), colour, 3)
                for result in results[v]:
                    p.dot(x, place(result), colour, 3)
            y, widest = top + tall, max(picture.width(v) for v in values)
            for x, v in zip(xs, values):
                if widest < gap - 6:
                    p.text(x, y + 18, v, "middle")
                else:
                    p.text(x + 4, y + 8, v, "end", transform=f"rotate(-90 {x + 4:.1f} {y + 8:.1f})")
            y += 22 if widest < gap - 6 else widest + 12
            p.text((left + right) / 2, y + 14, option, "middle", font_style="italic")
            y += 30
    p.text(8, y + 8, "Notch: mean. Bar: standard deviation. Dot: a seed.", size=12)
    p.bottom = y + 18
    p.write(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("vqdna", nargs="?")
    parser.add_argument("results", nargs="?")
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--vary", metavar="KEY=V1,V2,...")
    parser.add_argument("--genomes", nargs="+", default=[])
    parser.add_argument("--held-out", metavar="FASTA")
    parser.add_argument("--set", nargs="+", action="extend", default=[], metavar="NAME=FOLDER")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--steps", help="of the tokenizer's training")
    for command in COMMANDS:
        parser.add_argument("--" + command, nargs="*", metavar="KEY=VALUE")
    parser.add_argument("--threads")
    parser.add_argument("--svg", metavar="OUT.svg")
    parser.add_argument("--table", metavar="RESULTS")
    a = parser.parse_args()
    if not a.table:
        if not a.folder or not a.vary or not a.genomes or not (a.held_out or a.set):
            parser.error("name the program, the results, a folder for models, --vary, --genomes, and --held-out or --set")
        if any("=" not in s for s in a.set):
            parser.error("--set takes NAME=FOLDER")
        sweep(a)
    rows = read(a.table or a.results)
    table(rows)
    if a.svg:
        plot(a.svg, rows)


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        sys.exit(f"sweep.py: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
