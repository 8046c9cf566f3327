#!/usr/bin/env python3
"""The rival's vocabulary: byte-pair encoding by Hugging Face's tokenizers, trained on genomes, and labelled sequences as its ids for
`vqdna finetune --vocabulary ids:4096`.

usage: bpe.py TOKENIZER.json --genomes FASTA... --encode CSV=NPY...
       trains TOKENIZER.json unless it is there; NPY gets its index NPY.tsv

Needs tokenizers and numpy. Cost: 16 Mb of genome in 90 s and 3 GB on one core."""
import argparse
import csv
import gzip
import os

ENTRIES = 4096
PIECE, BASES = 512, 16_000_000  # letters of a piece; bases that merges are learned from, spread over the genomes


def opened(path):
    return gzip.open(path, "rt") if path.endswith(".gz") else open(path)


def pieces(genomes):
    """Every n-th piece of each genome, of known bases alone."""
    total = sum(os.path.getsize(g) * (4 if g.endswith(".gz") else 1) for g in genomes)
    every = max(1, total // BASES)
    count = 0
    for path in genomes:
        with opened(path) as lines:
            text = "".join("\n" if line[0] == ">" else line.strip().upper() for line in lines)
        for contig in text.split("\n"):
            for i in range(0, len(contig) - PIECE + 1, PIECE):
                count += 1
                if count % every == 0 and not set(contig[i:i + PIECE]) - set("ACGT"):
                    yield contig[i:i + PIECE]


def trained(path, genomes):
    from tokenizers import Tokenizer, models, trainers
    if not os.path.exists(path):
        tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))
        trainer = trainers.BpeTrainer(vocab_size=ENTRIES, special_tokens=["[UNK]"], initial_alphabet=list("ACGT"), show_progress=False)
        tokenizer.train_from_iterator(pieces(genomes), trainer)
        tokenizer.save(path + ".part")
        os.replace(path + ".part", path)
    return Tokenizer.from_file(path)


def encode(tokenizer, table, out):
    """Ids of a table's rows, and tokens a base."""
    import numpy as np
    with opened(table) as lines:
        rows = list(csv.DictReader(lines))
    ids, index, bases = [], ["offset\tcount\tlabel"], 0
    for row, encoded in zip(rows, tokenizer.encode_batch([row["sequence"] for row in rows])):
        index.append(f"{len(ids)}\t{len(encoded.ids)}\t{row['label']}")
        ids += encoded.ids
        bases += len(row["sequence"])
    np.save(out, np.array(ids, np.uint16))
    with open(out + ".tsv", "w") as f:
        f.write("\n".join(index) + "\n")
    return len(ids) / bases


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tokenizer")
    parser.add_argument("--genomes", nargs="+", default=[])
    parser.add_argument("--encode", nargs="+", default=[], metavar="CSV=NPY")
    a = parser.parse_args()
    tokenizer = trained(a.tokenizer, a.genomes)
    for pair in a.encode:
        table, out = pair.split("=", 1)
        print(f"{out}\t{encode(tokenizer, table, out):.4f} tokens a base")


if __name__ == "__main__":
    main()
