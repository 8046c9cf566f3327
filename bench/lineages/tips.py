"""The labelled genomes of a folder (tips.tsv.gz, reference_MN908947.fasta, pango_*.tsv*): SARS-CoV-2 as substitutions against its reference,
without indels, ambiguous bases imputed."""
import argparse
import csv
import gzip
import os
import subprocess


def opened(path):
    return gzip.open(path, "rt") if path.endswith(".gz") else open(path)


def reference(data):
    return "".join(line.strip() for line in opened(os.path.join(data, "reference_MN908947.fasta")) if line[0] != ">").upper()


def tips(data):
    """Rows with id, lineage, who, subs (a list of place from 0 and base)."""
    rows = list(csv.DictReader(opened(os.path.join(data, "tips.tsv.gz")), delimiter="\t"))
    bases = reference(data)
    for row in rows:
        assert all(bases[int(c[1:-1]) - 1] == c[0] for c in filter(None, row["subs"].split(","))), row["id"]
        row["subs"] = changes(row["subs"])
    return rows


def changes(text):
    return [(int(c[1:-1]) - 1, c[-1]) for c in filter(None, text.split(",")) if c[-1] != "-"]


def consensus(data):
    """Lineage -> the substitutions of its consensus genome."""
    return {row["lineage"]: set(changes(row["subs"])) for row in csv.DictReader(opened(os.path.join(data, "pango_consensus_subs.tsv.gz")), delimiter="\t")}


def genome(bases, tip):
    out = list(bases)
    for at, base in tip["subs"]:
        out[at] = base
    return "".join(out)


def write_fasta(path, bases, chosen):
    with open(path + ".part", "w") as out:
        for tip in chosen:
            out.write(f">{tip['id']}\n{genome(bases, tip)}\n")
    os.replace(path + ".part", path)


def vocabulary(vqdna, work, data, viruses, quantizer, seed, steps):
    """A tokenizer of viruses and of genomes to spring 2020, trained in WORK unless it is there."""
    folder = os.path.join(work, f"{quantizer}-{seed}")
    if not os.path.exists(os.path.join(folder, "metrics.json")):
        subprocess.run([vqdna, "train", "-q", "--force", "--seed", str(seed), "--quantizer", quantizer, "--steps", str(steps), "-o", folder, viruses,
                        os.path.join(data, "ncov_example_early2020.fasta.gz")], check=True)
    return folder


def arguments(doc):
    """What every script that trains vocabularies of its own takes."""
    p = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("vqdna")
    p.add_argument("results")
    p.add_argument("work")
    p.add_argument("--data", required=True)
    p.add_argument("--viruses", required=True)
    p.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    p.add_argument("--steps", type=int, default=1500, help="of the vocabulary")
    return p


def begin(a, head, keys):
    """Makes the folder and the table, and gives the first columns of the rows that are there."""
    os.makedirs(a.work, exist_ok=True)
    if not os.path.exists(a.results):
        with open(a.results, "w") as f:
            f.write("\t".join(head) + "\n")
    return {tuple(line.split("\t")[:keys]) for line in open(a.results)}
