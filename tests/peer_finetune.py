#!/usr/bin/env python3
"""A model of `vqdna finetune` in PyTorch: torch.nn.TransformerEncoder, or Hyena layers of torch.fft, load our body and say of sequences what
ours says; and 50 steps from the same start with the same batches have the same losses. The README's lines run too, where safetensors is at hand.

usage: peer_finetune.py VQDNA README.md

Exits 77 (skipped) without PyTorch or NumPy."""
import copy
import json
import os
import random
import re
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import torch
    from torch import nn
except ImportError:
    print("SKIP: PyTorch and NumPy are not installed")
    sys.exit(77)

VQDNA, STEPS, ROWS = sys.argv[1], 50, 48
README = open(sys.argv[2], encoding="utf-8").read()
torch.set_num_threads(1)


def run(*arguments):
    done = subprocess.run([VQDNA, *arguments], stdout=subprocess.PIPE)
    if done.returncode:
        sys.exit("vqdna %s ended with status %d" % (" ".join(arguments), done.returncode))
    return done.stdout.decode()


def tensors(folder):
    with open(os.path.join(folder, "model.safetensors"), "rb") as f:
        head, data = json.loads(f.read(int.from_bytes(f.read(8), "little"))), f.read()
    return {k: torch.frombuffer(bytearray(data[slice(*v["data_offsets"])]), dtype=torch.float32).reshape(v["shape"])
            for k, v in head.items() if k != "__metadata__"}


class Filter(nn.Module):
    """nn/hyena.h: taps of lags -(L - 1) to L - 1."""

    def __init__(self, width, positions):
        super().__init__()
        self.bias, self.freq = nn.Parameter(torch.empty(width)), nn.Parameter(torch.empty(64))
        self.linear1, self.linear2, self.linear3 = nn.Linear(5, 64), nn.Linear(64, 64), nn.Linear(64, 64)
        self.linear4 = nn.Linear(64, 2 * width, bias=False)
        self.positions = positions

    def forward(self, length):
        t = torch.arange(length, dtype=torch.float64)[:, None]
        share, w = t / (self.positions - 1), 2 * np.pi * t / self.positions
        x = torch.cat([share, torch.cos(1e-4 * w), torch.cos(w), -torch.sin(1e-4 * w), -torch.sin(w)], 1).float()
        for linear in (self.linear1, self.linear2, self.linear3):
            x = torch.sin(self.freq * linear(x))
        fade = torch.linspace(np.log(100) / 1.5, np.log(100) / 0.3, len(self.bias))
        ahead, behind = (self.linear4(x) * (torch.exp(-share * fade) + 0.05).float().repeat(1, 2)).chunk(2, 1)
        return torch.cat([behind[1:].flip(0), ahead])


class Hyena(nn.Module):
    def __init__(self, width, positions):
        super().__init__()
        self.in_proj, self.out_proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.short_filter = nn.Conv1d(3 * width, 3 * width, 3, padding=1, groups=3 * width)
        self.filter = Filter(width, positions)

    def forward(self, x, there):
        length = x.shape[1]
        x = self.in_proj(x) * there[..., None]
        x0, x1, v = (self.short_filter(x.transpose(1, 2)).transpose(1, 2) * there[..., None]).chunk(3, 2)
        u, n = x1 * v, 4 * length
        y = torch.fft.irfft(torch.fft.rfft(u, n, dim=1) * torch.fft.rfft(self.filter(length), n, dim=0), n, dim=1)
        return self.out_proj(x0 * (y[:, length - 1:2 * length - 1] + self.filter.bias * u))


class HyenaLayer(nn.Module):
    def __init__(self, config):
        super().__init__()
        width, feed = config["width"], config["feed"]
        self.mixer = Hyena(width, config["positions"])
        self.linear1, self.linear2 = nn.Linear(width, feed), nn.Linear(feed, width)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, x, src_key_padding_mask):
        x = x + self.mixer(self.norm1(x), ~src_key_padding_mask)
        return x + self.linear2(nn.functional.gelu(self.linear1(self.norm2(x))))


class Mixed(nn.Module):
    def __init__(self, config, attention):
        super().__init__()
        names = config["mixer"].split(",")
        names = names if len(names) > 1 else names * config["layers"]
        self.layers = nn.ModuleList(HyenaLayer(config) if n == "hyena" else copy.deepcopy(attention) for n in names)
        self.norm = nn.LayerNorm(config["width"])

    def forward(self, x, src_key_padding_mask):
        for layer in self.layers:
            x = layer(x, src_key_padding_mask=src_key_padding_mask)
        return self.norm(x)


class Peer(nn.Module):
    """What nn/body.h and nn/classifier.h say, of torch's own modules."""

    def __init__(self, config, state):
        super().__init__()
        width, layers = config["width"], config["layers"]
        layer = nn.TransformerEncoderLayer(width, config["heads"], config["feed"], 0.0, "gelu", batch_first=True,
                                           norm_first=not config["post_norm"])
        norm = None if config["post_norm"] else nn.LayerNorm(width)
        self.body = (nn.TransformerEncoder(layer, layers, norm=norm, enable_nested_tensor=False) if config["mixer"] == "attention"
                     else Mixed(config, layer))
        tables = sorted(k for k in state if k.startswith("input."))
        self.input = nn.ModuleList(nn.Embedding(*state[k].shape) for k in tables)
        self.join = nn.Linear(state["join.weight"].shape[1], width) if "join.weight" in state else None
        self.mask = nn.Embedding(1, width)
        self.position = nn.Embedding(config["positions"], width) if "position.weight" in state else None
        self.input_norm = nn.LayerNorm(width)
        classes = len(config["labels"])
        self.head = nn.ModuleDict({"hidden": nn.Linear(width, width), "out": nn.Linear(width, classes)} if config["head"] == "mlp"
                                  else {"out": nn.Linear(width, classes)})
        self.config = config
        self.load_state_dict(state)  # every name and shape is torch's

    def forward(self, ids, there):
        x = self.config["scale"] * sum(e(i.clamp(min=0)) * (i >= 0)[..., None] for e, i in zip(self.input, ids))
        x = self.join(x) if self.join else x
        x = self.input_norm(x + self.position.weight[:x.shape[1]] if self.position else x)
        x = self.body(x, src_key_padding_mask=~there)
        if self.config["pool"] == "max":
            x = x.masked_fill(~there[..., None], -1e30).max(1).values
        else:
            x = (x * there[..., None]).sum(1) / there.sum(1, keepdim=True)
        x = nn.functional.gelu(self.head["hidden"](x)) if "hidden" in self.head else x
        return self.head["out"](x)


def batch(sequences, vocabulary):
    """ids of each table, -1 for none, and which positions are there."""
    longest, width = max(map(len, sequences)), int(vocabulary.split(":")[1])
    there = torch.tensor([[i < len(s) for i in range(longest)] for s in sequences])
    ids = []
    for t in range(width):
        at = t - width // 2
        ids.append(torch.tensor([["ACGT".index(s[i + at]) if 0 <= i + at < len(s) and i < len(s) else -1 for i in range(longest)]
                                 for s in sequences]))
    return ids, there


def check(settings, rate):
    config = json.load(open("start/config.json"))
    state = tensors("start")
    peer = Peer(config, state)
    peer.eval()
    ids, there = batch(SEQUENCES, config["vocabulary"])
    labels = torch.tensor(LABELS)
    with torch.no_grad():
        theirs = peer(ids, there).softmax(1).numpy()
    ours = np.array([[float(x) for x in line.split("\t")[4:]] for line in OUTPUT if line and line[0] != "#"])
    off = np.abs(ours - theirs).max()
    print("%-40s probabilities: largest difference %.2g" % (settings, off))
    assert off < 1e-4
    decayed = [p for n, p in peer.named_parameters() if p.ndim > 1 and n not in ("mask.weight", "position.weight") and ".filter." not in n]
    rest = [p for n, p in peer.named_parameters() if not any(p is d for d in decayed)]
    optimizer = torch.optim.AdamW([{"params": decayed}, {"params": rest, "weight_decay": 0.0}], rate, (0.9, 0.98), 1e-8, 0.01)
    losses, warmup = [], int(0.05 * STEPS)
    peer.train()
    for step in range(STEPS):
        for g in optimizer.param_groups:
            g["lr"] = rate * min(1, (step + 1) / warmup) * (1 + np.cos(np.pi * step / STEPS)) / 2
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(peer(ids, there), labels)
        loss.backward()
        nn.utils.clip_grad_norm_(peer.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    log = [json.loads(line)["loss"] for line in open("whole/log.ndjson")]
    off = max(abs(a - b) for a, b in zip(log, losses))
    print("%-40s loss over %d steps %.4f to %.4f: largest difference %.2g" % ("", STEPS, losses[0], losses[-1], off))
    assert len(log) == STEPS and off < 1e-3


random.seed(4)
SEQUENCES = ["".join(random.choice("ACGT") for _ in range(random.randint(30, 50))) for _ in range(ROWS)]
LABELS = [i % 3 for i in range(ROWS)]
folder = tempfile.TemporaryDirectory()
os.chdir(folder.name)
with open("rows.csv", "w") as f:
    f.write("sequence,label\n" + "".join("%s,%d\n" % x for x in zip(SEQUENCES, LABELS)))
RATE = 1e-3
for settings in ("", "post_norm=true pool=max head=linear", "mixer=hyena", "mixer=hyena,attention positions=60"):
    common = ["finetune", "-q", "--force", "--train", "rows.csv", "--dev", "rows.csv", "--vocabulary", "conv:5", "--report-every", "1", "--batch",
              str(ROWS), "--set", "width=32", "--set", "layers=2", "--set", "heads=2", "--set", "dropout=0"]
    for s in settings.split():
        common += ["--set", s]
    run(*common, "-o", "start", "--set", "steps=1", "--learning-rate", "1e-12")
    run(*common, "-o", "whole", "--set", "steps=%d" % STEPS, "--learning-rate", str(RATE))
    OUTPUT = run("predict", "-q", "-m", "start", "--column", "sequence", "rows.csv").split("\n")
    check(settings, RATE)
    if not settings:
        os.rename("start", "promoters")
        block = re.findall(r"```python\n(.*?)```", README, re.S)[1]
        assert len(block.strip().split("\n")) == 6, "the README says six lines"
        try:
            import safetensors.torch
        except ImportError:
            print("safetensors is not installed: the README's lines are not run")
        else:
            exec(block)
            assert vectors.shape == (1, 70, 32)
