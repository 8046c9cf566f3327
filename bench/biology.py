#!/usr/bin/env python3
"""Known facts of biology that `vqdna codebook` finds, or does not, with a model that was told none of them; and the same on a shuffled
genome, where it must find nothing.

Appends a row a fact to RESULTS and skips genomes that are there, so it can be stopped and started.

usage: biology.py VQDNA MODEL RESULTS.tsv --genomes FOLDER --gue FOLDER
       needs prodigal for the genes of E. coli; other annotations come from how the sets were made
"""
import argparse
import gzip
import json
import os
import random
import shutil
import subprocess
import tempfile

HEAD = ["genome", "fact", "evidence", "count", "enrichment", "p"]
# Kind of feature, where, pattern, places its first base may have (of phases: modulo 3), whether it is shunned.
GENES = [("start codon ATG", "CDS", "start", "ATG", [0], False), ("start codon GTG", "CDS", "start", "GTG", [0], False),
         ("Shine-Dalgarno", "CDS", "start", "GGAG", range(-14, -5), False), ("stop codon TAA", "CDS", "end", "TAA", [-2], False),
         ("stop codon TGA", "CDS", "end", "TGA", [-2], False), ("stop codon TAG", "CDS", "end", "TAG", [-2], False),
         ("no TAA in frame", "CDS", "phase", "TAA", [0], True), ("no TGA in frame", "CDS", "phase", "TGA", [0], True),
         ("no TAG in frame", "CDS", "phase", "TAG", [0], True)]
TSS = [("TATA box at -30", "TSS", "start", "TATAA", range(-36, -22), False), ("initiator at +1", "TSS", "start", "TCAGT", range(-5, 3), False),
       ("DRE upstream", "TSS", "start", "ATCGAT", range(-50, -5), False)]
DONOR = [("splice donor GT", "site", "start", "GT", range(-3, 4), False), ("splice donor GTAAGT", "site", "start", "GTAAG", range(-3, 4), False)]
ACCEPTOR = [("splice acceptor AG", "site", "start", "AG", range(-4, 4), False), ("pyrimidines before it", "site", "start", "TTTT", range(-25, -3), False)]
PROMOTER = [("TATA box at -30", "TSS", "start", "TATAA", range(-36, -22), False), ("CG-rich before it", "TSS", "start", "GGCG", range(-50, 0), False)]


def read_fasta(path):
    records, opened = [], gzip.open(path, "rt") if path.endswith(".gz") else open(path)
    with opened as lines:
        for line in lines:
            if line[0] == ">":
                records.append((line[1:].split()[0], []))
            else:
                records[-1][1].append(line.strip().upper())
    return [(name, "".join(parts)) for name, parts in records]


def write_fasta(path, records):
    with open(path, "w") as out:
        for name, bases in records:
            out.write(f">{name}\n{bases}\n")


def shuffled(bases, window=10000):
    """Windows of it with their pairs of neighbours in another order (Altschul and Erickson 1985)."""
    out = []
    for at in range(0, len(bases) - window, window):
        s = bases[at:at + window]
        while True:
            edges = {b: [] for b in "ACGT"}
            for a, b in zip(s, s[1:]):
                edges[a].append(b)
            last = {b: random.choice(edges[b]) for b in edges if edges[b] and b != s[-1]}

            def leads(b, hops=0):
                return b == s[-1] or (b in last and hops < 4 and leads(last[b], hops + 1))
            if all(leads(b) for b in last):
                break
        for b, followers in edges.items():
            if b in last:
                followers.remove(last[b])
            random.shuffle(followers)
            if b in last:
                followers.append(last[b])
        path, taken = [s[0]], {b: iter(f) for b, f in edges.items()}
        for _ in range(len(s) - 1):
            path.append(next(taken[path[-1]]))
        out.append("".join(path))
    return "".join(out)


def labelled(path, label, most=4000):
    with gzip.open(path, "rt") as rows:
        rows = [row.strip().split(",") for row in rows][1:]
    return [(f"s{i}", bases) for i, (bases, of) in enumerate(rows) if of == str(label)][:most]


def centred(path, records, place):
    write_fasta(path + ".fa", records)
    with open(path + ".bed", "w") as bed:
        for name, _ in records:
            bed.write(f"{name}\t{place}\t{place + 1}\t{os.path.basename(path).split('-')[0]}\t0\t+\n")
    return path + ".fa", path + ".bed"


def spells(code, offset, pattern, place, phased):
    """Whether the code's consensus has the pattern, its first base at that place of the feature, or in that phase of a codon."""
    text, first = code["consensus"], offset + code["at"]
    if phased:
        return any(text.startswith(pattern, k) and (first + k) % 3 == place for k in range(len(text)))
    hits = 0
    for k, base in enumerate(pattern, place - first):
        if 0 <= k < len(text) and text[k] != ".":
            if text[k] != base:
                return False
            hits += 1
    return hits >= min(len(pattern), 4)


def find(result, facts):
    for fact, kind, where, pattern, places, shunned in facts:
        best = None
        for f in result.get("findings", []):
            if f["feature"] != kind or f["place"] != where or (f["enrichment"] < 1) != shunned:
                continue
            code = result["levels"][f["level"] - 1]["list"][f["code"]]
            if any(spells(code, f["offset"], pattern, place, where == "phase") for place in places):
                if best is None or (f["p"], -abs(f["enrichment"] - 1)) < (best[0]["p"], -abs(best[0]["enrichment"] - 1)):
                    best = (f, code)
        if best:
            f, code = best
            yield [fact, f"code {f['level']}:{f['code']} ({code['consensus']}) {where} {f['offset']:+d}", f["count"], f"{f['enrichment']:.2f}",
                   f"{f['p']:.2g}" if f["p"] > 0 else "<1e-300"]
        else:
            yield [fact, "not found", "", "", ""]


def words(result):
    survey = result["survey"]
    for w in survey["words"]:
        if w["p"] < 0.01:
            code = w.get("code")
            yield [f"{w['name']} {w['word']}", f"code {code['level']}:{code['code']}" if code else "word", w["count"], f"{w['enrichment']:.2f}",
                   f"{w['p']:.2g}" if w["p"] > 0 else "<1e-300"]
    yield ["not special", ", ".join(w["name"] for w in survey["words"] if w["p"] >= 0.01), "", "", ""]
    special = [sum(1 for c in level["list"] if c.get("p", 1) < 0.01) for level in result["levels"]]
    yield ["codes unlike the shuffled genome's", f"of {', '.join(str(level['codes']) for level in result['levels'])} a level", " ".join(map(str, special)), "", ""]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("vqdna", "model", "results"):
        parser.add_argument(name)
    parser.add_argument("--genomes", required=True)
    parser.add_argument("--gue", required=True)
    a = parser.parse_args()
    there = set()
    if os.path.exists(a.results):
        there = {row.split("\t")[0] for row in open(a.results)}
    else:
        open(a.results, "w").write("\t".join(HEAD) + "\n")
    folder = tempfile.mkdtemp()
    random.seed(1)

    def genome(name):
        return os.path.join(a.genomes, name)

    def ecoli():
        path, genes = os.path.join(folder, "ecoli.fa"), os.path.join(folder, "genes.gff")
        write_fasta(path, read_fasta(genome("escherichia_coli_K12_MG1655.fa.gz")))
        subprocess.run(["prodigal", "-i", path, "-f", "gff", "-o", genes, "-q"], check=True)
        return path, genes, GENES

    def null():
        path, genes, facts = ecoli()
        write_fasta(path, [(name, shuffled(bases, len(bases) - 1)) for name, bases in read_fasta(path)])
        lines = [line for line in open(genes) if line[0] != "#" and int(line.split("\t")[4]) < 4600000]
        open(genes, "w").writelines(lines)
        return path, genes, facts

    def flies():
        records = read_fasta(genome("drosophila_melanogaster_upstream_5Mb.fa.gz"))
        path = os.path.join(folder, "flies.fa")
        records = [(f"u{i}", bases) for i, (_, bases) in enumerate(records)]
        write_fasta(path, records)
        with open(path + ".bed", "w") as bed:
            for name, bases in records:
                bed.write(f"{name}\t{len(bases) - 1}\t{len(bases)}\tTSS\t0\t+\n")
        return path, path + ".bed", TSS

    def splice(label, facts):
        return (*centred(os.path.join(folder, "site"), labelled(os.path.join(a.gue, "splice/reconstructed/dev.csv.gz"), label), 200), facts)

    def promoters():
        return (*centred(os.path.join(folder, "TSS-human"), labelled(os.path.join(a.gue, "prom/prom_300_tata/train.csv.gz"), 1), 249), PROMOTER)

    jobs = {"E. coli": ecoli, "E. coli shuffled (null)": null, "D. melanogaster, 2 kb upstream": flies,
            "human promoters with TATA": promoters, "splice acceptors": lambda: splice(0, ACCEPTOR),
            "splice donors": lambda: splice(1, DONOR), "splice set, decoys": lambda: splice(2, ACCEPTOR + DONOR)}
    for name, file in [("human chr20", "homo_sapiens_chr20_10Mb.fa.gz"), ("S. cerevisiae", "saccharomyces_cerevisiae_S288C_8Mb.fa.gz"),
                       ("C. elegans chrX", "caenorhabditis_elegans_chrX_8Mb.fa.gz"), ("P. falciparum", "plasmodium_falciparum_8Mb.fa.gz")]:
        jobs[name] = lambda file=file: (genome(file), None, [])
    try:
        for name, make in jobs.items():
            if name in there:
                continue
            path, annotation, facts = make()
            command = [a.vqdna, "codebook", "-q", "--json", "--no-control", "--no-provenance", "-m", a.model]
            done = subprocess.run(command + (["--annotation", annotation] if annotation else []) + [path], stdout=subprocess.PIPE, check=True)
            result = json.loads(done.stdout)
            rows = list(find(result, facts)) + (list(words(result)) if result["survey"] else [])
            if annotation:
                rows.append(["findings in the annotation", "", len(result["findings"]), "", ""])
            with open(a.results, "a") as out:
                for row in rows:
                    out.write("\t".join(map(str, [name, *row])) + "\n")
    finally:
        shutil.rmtree(folder)


main()
