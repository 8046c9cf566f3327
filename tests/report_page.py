#!/usr/bin/env python3
"""The page of `vqdna report`: well-formed, asking for nothing, its text and its look in headless Chromium.

usage: report_page.py VQDNA; exit status 77, after all else was checked, where no Chromium is found
"""
import glob
import html
import html.parser
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib

vqdna = os.path.abspath(sys.argv[1])
VOID = {"meta", "img", "br", "hr", "link", "input"}


class Checker(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.text, self.heads = [], [], []

    def handle_starttag(self, tag, attributes):
        assert tag not in ("script", "link", "iframe", "object", "base", "form"), tag
        for name, value in attributes:
            assert not name.startswith("on"), name
            assert name not in ("src", "href") or value.startswith("data:image/svg+xml;base64,"), value[:80]
        if tag in ("h1", "h2", "h3"):
            self.heads.append(int(tag[1]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data):
        self.text.append(data)


def pixels(path):
    """Width, height and the number of different colours of a PNG of 8 bits a channel."""
    data = open(path, "rb").read()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    wide, tall, depth, kind = struct.unpack(">IIBB", data[16:26])
    assert depth == 8 and kind in (2, 6)
    channels, at, packed = 3 if kind == 2 else 4, 8, b""
    while at < len(data):
        size, name = struct.unpack(">I4s", data[at:at + 8])
        packed += data[at + 8:at + 8 + size] if name == b"IDAT" else b""
        at += 12 + size
    raw = zlib.decompress(packed)
    return wide, tall, len({raw[i:i + 16] for i in range(0, len(raw) - 16, 16)})


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    random.seed(1)
    name = "<script>alert(1)<&\"'.fa"
    bases = "".join(random.choices("ACGT", k=9000))
    with open(name, "w") as file:
        file.write(f">contig<b>\n{bases}\n")
    with open("t.csv", "w") as file:
        file.write("sequence,label\n" + "".join(f"{bases[i * 60:i * 60 + 60]},{i % 2}\n" for i in range(100)))

    def run(*arguments, output=None):
        done = subprocess.run([vqdna, *arguments], check=True, stdout=subprocess.PIPE)
        if output:
            open(output, "wb").write(done.stdout)

    model, codes = "model" + "_" * 80, "codes<i>" + "_" * 80 + ".json"  # nowhere to break a line
    small = [w for s in ("dim=20", "stem=10", "codes=16") for w in ("--set", s)]
    run("train", "-q", *small, "--window", "64", "--batch", "4", "--steps", "30", "--eval", name, "-o", model, name)
    run("codebook", "-q", "-m", model, "--json", name, output=codes)
    run("probe", "-q", "--json", "--features", "kmer:2", "--train", "t.csv", "--test", "t.csv", output="probe.json")
    run("eval", "-q", "-m", model, "--json", name, output="eval.json")
    run("report", model, codes, "probe.json", "eval.json", "-o", "page.html")
    page = open("page.html", encoding="utf-8").read()
    assert page.startswith("<!DOCTYPE html>") and '<html lang="en">' in page and "default-src 'none'" in page
    assert not re.search(r"(src|href|url)\s*[=(]\s*[\"']?\s*(https?:)?//", page)
    checker = Checker()
    checker.feed(page)
    assert not checker.open, checker.open
    assert checker.heads[0] == 1 and all(b <= a + 1 for a, b in zip(checker.heads, checker.heads[1:])), checker.heads
    text = " ".join("".join(checker.text).split())
    for part in ("Vocabulary " + model, "held-out sequences", "Training curves", "The codes", "Motifs", "Known words",
                 "What it is worth to a linear reader", "kmer:2",
                 "Reconstruction", "Provenance", codes, '"<script>alert(1)<&\\"\'.fa"'):
        assert part in text, part
    for part in ("never used", "untrained, jointly", "consensus", "dev MCC", "95 % interval"):
        assert part in text, part
    assert len(re.findall(r"<img ", page)) == 3 and page.count("<svg ") == 1 and len(page) < 1 << 20

    chromium = next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None)
    chromium = chromium or next(iter(sorted(glob.glob(os.path.expanduser("~/.cache/ms-playwright/chromium-*/chrome-linux*/chrome")))), None)
    if not chromium:
        print("SKIPPED: the look of the page: no chromium")
        sys.exit(77)
    environment = dict(os.environ, HOME=folder)
    # A window is 500 wide at least, so a phone is a frame in one. The page has no script; the one around it may measure it.
    with open("phone.html", "w") as file:
        file.write('<!DOCTYPE html><meta charset="utf-8"><title>not measured</title><body style="margin:0"><iframe width="390" height="844" '
                   'style="border:0;display:block" onload="document.title = this.contentDocument.documentElement.scrollWidth" '
                   f'srcdoc="{html.escape(page)}"></iframe>')
    for wide, tall, name in ((500, 844, "phone.html"), (1280, 900, "page.html")):
        command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                   f"--user-data-dir={folder}/browser", "file://" + os.path.join(folder, name)]
        subprocess.run(command[:-1] + [f"--window-size={wide},{tall}", "--screenshot=shot.png", command[-1]], check=True, env=environment,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120)
        seen = pixels("shot.png")
        assert seen[:2] == (wide, tall) and seen[2] > 200, (name, seen)
    command[-1] = "file://" + os.path.join(folder, "phone.html")
    measured = subprocess.run(command[:-1] + ["--dump-dom", command[-1]], check=True, env=environment, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, timeout=120).stdout.decode()
    assert "<title>390</title>" in measured, "wider than a phone: " + re.search("<title>.*?</title>", measured)[0]
    command[-1] = "file://" + os.path.join(folder, "page.html")
    dom = subprocess.run(command[:-1] + ["--dump-dom", command[-1]], check=True, env=environment, stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, timeout=120).stdout.decode()
    again = Checker()
    again.feed(dom)
    assert " ".join("".join(again.text).split()) == text
print("the page is whole, asks for nothing, and shows what it says")
