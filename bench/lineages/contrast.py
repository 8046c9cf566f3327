#!/usr/bin/env python3
"""Whether the codes that tell two variants apart sit on the substitutions that are known to: `vqdna compare` of tips of two WHO variants, against
a key made from the consensus genomes of their Pango lineages. A substitution is in the key where its share of the tips drawn, each taken for the
consensus of its lineage, differs by half or more between the groups, as compare asks of codes. The tips' tree masks some places, on some branches: substitutions that
less than a hundredth of a variant's tips have, of those whose consensus has it, are left out, and counted beside it.

Appends a row to RESULTS as it is done and skips those that are there; vocabularies, which never saw anything after spring 2020, lie in WORK.

usage: contrast.py VQDNA RESULTS.tsv WORK --data FOLDER --viruses FASTA [--pairs Delta,Lambda ...] [--tips 150] [--seeds 1 2 3] [--svg FOLDER]

Cost: 300 genomes half a minute of one core."""
import json
import os
import random
import subprocess

import tips

HEAD = ["vocabulary", "seed", "a", "b", "tips_a", "tips_b", "key", "masked", "found", "calls", "calls_off_key", "missed"]


def key_of(known, groups, least=0.5):
    shares = []
    for group in groups:
        counts = {}
        with_consensus = [tip for tip in group if tip["lineage"] in known]
        for tip in with_consensus:
            for change in known[tip["lineage"]]:
                counts[change] = counts.get(change, 0) + 1 / len(with_consensus)
        shares.append(counts)
    return sorted(change for change in set(shares[0]) | set(shares[1]) if abs(shares[0].get(change, 0) - shares[1].get(change, 0)) >= least)


def main():
    p = tips.arguments(__doc__)
    p.add_argument("--pairs", nargs="+", default=["Delta,Lambda", "Alpha,Gamma", "Beta,Omicron"])
    p.add_argument("--tips", type=int, default=150)
    p.add_argument("--svg", metavar="FOLDER", help="keep the pictures of the first seed there")
    a = p.parse_args()
    there = tips.begin(a, HEAD, 4)
    bases, all_tips, known = tips.reference(a.data), tips.tips(a.data), tips.consensus(a.data)
    for pair in a.pairs:
        names = pair.split(",")
        groups = []
        for name in names:
            of = [tip for tip in all_tips if tip["who"] == name]
            groups.append(random.Random(1).sample(of, min(a.tips, len(of))))
        whole_key, fasta = key_of(known, groups), []
        of = [(tip, known[tip["lineage"]]) for tip in all_tips if tip["who"] in names and tip["lineage"] in known]
        carriers = {change: [change in tip["subs"] for tip, consensus in of if change in consensus] for change in whole_key}
        key = [change for change in whole_key if 100 * sum(carriers[change]) >= len(carriers[change])]
        bed = os.path.join(a.work, f"key-{pair}-{a.tips}.bed")
        with open(bed, "w") as out:
            for at, base in key:
                out.write(f"genome\t{at}\t{at + 1}\t{bases[at]}{at + 1}{base}\n")
        for name, group in zip(names, groups):
            fasta.append(os.path.join(a.work, f"{name}-{a.tips}.fa"))
            tips.write_fasta(fasta[-1], bases, group)
        for seed in a.seeds:
            for vocabulary in ("hrq", "vq", "untrained"):
                if (vocabulary, str(seed), *names) in there:
                    continue
                quantizer, steps = ("hrq", 1) if vocabulary == "untrained" else (vocabulary, a.steps)
                work = os.path.join(a.work, "untrained") if vocabulary == "untrained" else a.work
                os.makedirs(work, exist_ok=True)
                model = tips.vocabulary(a.vqdna, work, a.data, a.viruses, quantizer, seed, steps)
                calls = os.path.join(a.work, f"calls-{vocabulary}-{seed}-{pair}.tsv")
                command = [a.vqdna, "compare", "-q", "--json", "--no-provenance", "--force", "-m", model, "--known", bed, "-o", calls]
                if a.svg and seed == a.seeds[0] and vocabulary == "hrq":
                    command += ["--svg", os.path.join(a.svg, f"contrast-{pair.replace(',', '-').lower()}.svg")]
                r = json.loads(subprocess.run(command + fasta, stdout=subprocess.PIPE, check=True).stdout)
                row = [vocabulary, seed, *names, *(len(g) for g in groups), r["known"], len(whole_key) - len(key), r["known_found"], r["calls"], r["calls_without_known"],
                       ",".join(r["missed"])]
                with open(a.results, "a") as f:
                    f.write("\t".join(map(str, row)) + "\n")


if __name__ == "__main__":
    main()
