#!/usr/bin/env python3
"""The README's lines of Python on real outputs, and embeddings against codes and codebook: each is the other's check.

usage: readme_python.py VQDNA README.md; exit status 77 where numpy or safetensors is missing
"""
import os
import random
import re
import subprocess
import sys
import tempfile

try:
    import numpy
    import safetensors.numpy
except ImportError as missing:
    print(f"SKIPPED: {missing}")
    sys.exit(77)

vqdna, readme = (os.path.abspath(path) for path in sys.argv[1:3])
block = re.search(r"```python\n(.*?)```", open(readme, encoding="utf-8").read(), re.S).group(1)
assert len(block.strip().split("\n")) == 5, "the README says five lines"


def run(*arguments):
    subprocess.run([vqdna, *arguments], check=True)


def embed(*options):
    run("embed", "-q", "-m", "model", "--force", *options, "-o", "e.npy", "genome.fa")
    return numpy.load("e.npy"), [line.rstrip("\n").split("\t") for line in open("e.npy.tsv") if line[0] != "#"]


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    random.seed(1)
    records = {"a": "".join(random.choices("ACGT", k=3000)), "b": "".join(random.choices("ACGTN", k=501)), "none": "NNNN", "empty": ""}
    with open("genome.fa", "w") as file:
        for name, bases in records.items():
            file.write(f">{name} words\n{bases}\n")
    small = [w for s in ("dim=20", "stem=10", "codes=16", "levels=3", "blocks=3") for w in ("--set", s)]
    run("train", "-q", *small, "--window", "64", "--batch", "4", "--steps", "30", "-o", "model", "genome.fa")
    run("tokenize", "-q", "-m", "model", "-o", "tokens.npy", "genome.fa")
    run("embed", "-q", "-m", "model", "-o", "genes.npy", "genome.fa")
    said = {}
    exec(block, said)

    tokens, genes = said["tokens"], said["genes"]
    assert tokens.shape == (3505, 3) and genes.shape == (4, 20) and list(said["names"]) == list(records)
    books = [safetensors.numpy.load_file("model/model.safetensors")[f"books.{n}.e"] for n in range(3)]
    assert numpy.array_equal(said["vectors"], books[0])
    beside = numpy.stack([books[n][tokens[:, n]] for n in range(3)], 1).astype(float)  # bases x levels x D
    every = beside.mean(1)
    known = numpy.array([base != "N" for bases in records.values() for base in bases])
    first = numpy.cumsum([0] + [len(bases) for bases in records.values()])

    def pooled(rows, how):
        out = numpy.zeros((4, rows.shape[1]))
        for i in range(4):
            of = rows[first[i]:first[i + 1]][known[first[i]:first[i + 1]]]
            if len(of):
                out[i] = of.mean(0) if how == "mean" else of.max(0)
        return out

    def near(a, b):
        assert a.dtype == numpy.float32 and a.shape == b.shape and numpy.allclose(a, b, rtol=1e-5, atol=1e-6)

    near(genes, pooled(every, "mean"))
    rows, names = embed("--pool", "none")
    near(rows, every)
    assert names == [[n, str(first[i]), str(len(b)), str(len(b)), str(sum(c != "N" for c in b))] for i, (n, b) in enumerate(records.items())]
    near(embed("--pool", "max", "--level", "all")[0], pooled(beside.reshape(len(beside), -1), "max"))
    near(embed("--pool", "none", "--level", "2")[0], beside[:, 1])
    taps, _ = embed("--pool", "none", "--from", "encoder")
    assert numpy.isfinite(taps).all() and taps.std() > 0
    near(embed("--from", "encoder", "--level", "3")[0], pooled(taps, "mean"))
    near(embed("--from", "encoder", "--pool", "max", "--batch", "300")[0], pooled(taps, "max"))
    levels, _ = embed("--pool", "none", "--from", "encoder", "--level", "all")
    near(levels[:, 40:], taps)
    first_level, _ = embed("--pool", "none", "--from", "encoder", "--level", "1")
    near(levels[:, :20], first_level)
    # The codes of level 1 are the nearest rows of its codebook.
    distance = ((first_level[:, None].astype(float) - books[0][None]) ** 2).sum(2)
    assert (numpy.take_along_axis(distance, tokens[:, :1].astype(int), 1)[:, 0] <= distance.min(1) + 1e-4).all()
print("the README's lines, pooling and levels agree with codes and codebook")
