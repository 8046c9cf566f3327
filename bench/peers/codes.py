#!/usr/bin/env python3
"""Codes of one trained model, ours against the PyTorch peer that loaded our model.safetensors, and ours with a model the peer saved.

usage: codes.py VQDNA TORCH_VQDNA.py MODEL GENOME.fa [bases]

The peer reads the same bases and prints its codes; where the two differ, the distances of both codes from the encoder's output are worked out
in double precision: a difference is a tie within rounding if they agree to 1e-5 of the larger. Exits 0 if at least 99.99 % of the bases have
equal codes on each level and the rest are ties, 77 (skipped) without PyTorch or the peer."""
import gzip, importlib.util, json, os, subprocess, sys, tempfile

try:
    import torch
except ImportError:
    print("SKIP: PyTorch is not installed")
    sys.exit(77)


def peer_module(path):
    """The peer's classes, without running its main()."""
    text = open(path).read().rsplit("\nmain()", 1)[0]
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("peer", loader=None))
    exec(compile(text, path, "exec"), module.__dict__)
    return module


def sequence(path, limit):
    with (gzip.open if path.endswith(".gz") else open)(path, "rt") as f:
        return "".join(line.strip().upper() for line in f if not line.startswith(">"))[:limit]


def codes_of(vqdna, model, fasta):
    out = subprocess.run([vqdna, "tokenize", "-q", "-m", model, fasta], check=True, capture_output=True, text=True).stdout
    return torch.tensor([[int(c) for c in line.split("\t")[2:]] for line in out.splitlines() if not line.startswith("#")])


def peer_codes(net, seq, dtype):
    """Codes of every base, and what each level quantized, in pieces with a halo as the peer's own `codes` mode has."""
    number = torch.tensor([{"A": 0, "C": 1, "G": 2, "T": 3}.get(c, 4) for c in seq])
    net = net.to(dtype).eval()
    found = []
    with torch.no_grad():
        for i in range(0, len(number), 8192):
            lo, hi = max(0, i - 64), min(len(number), i + 8192 + 64)
            x = torch.nn.functional.one_hot(number[lo:hi], 5)[None, :, :4].to(dtype)
            _, codes, _ = net.encode(x)
            found.append(torch.stack([m[0, i - lo:i - lo + 8192] for m in codes], 1))
    return torch.cat(found)


def margins(net, seq, at, ours, theirs, level):
    """Relative difference of the two codes' squared distances at base `at`, in double precision."""
    number = torch.tensor([{"A": 0, "C": 1, "G": 2, "T": 3}.get(c, 4) for c in seq[max(0, at - 64):at + 65]])
    net = net.double().eval()
    seen = []
    for book in net.books:
        book.assign = (lambda b: lambda h: (seen.append(h), torch.argmin(torch.cdist(h[None], b.e[None])[0], 1))[1])(book)
    with torch.no_grad():
        net.encode(torch.nn.functional.one_hot(number, 5)[None, :, :4].double())
    h, e = seen[level][min(at, 64)], net.books[level].e
    a, b = ((h - e[ours]) ** 2).sum().item(), ((h - e[theirs]) ** 2).sum().item()
    scale = max((h ** 2).sum().item(), (e[ours] ** 2).sum().item(), 1e-30)
    return abs(a - b) / scale


def main():
    if len(sys.argv) < 5 or not os.path.exists(sys.argv[2]):
        print("SKIP: the PyTorch peer is not there")
        sys.exit(77)
    vqdna, peer_path, model, genome = sys.argv[1:5]
    limit = int(sys.argv[5]) if len(sys.argv) > 5 else 1_000_000
    peer = peer_module(peer_path)
    seq = sequence(genome, limit)
    config = json.load(open(os.path.join(model, "config.json")))
    shape = dict(dim=config["dim"], stem=config["stem"], blocks=config["blocks"], taps=tuple(config["taps"]), codes=config["base_codes"],
                 hrq=config["quantizer"] == "hrq")
    net = peer.Tokenizer(**shape)
    net.load_state_dict(peer.load_safetensors(os.path.join(model, "model.safetensors")))
    good = True
    with tempfile.TemporaryDirectory() as folder:
        fasta = os.path.join(folder, "piece.fa")
        with open(fasta, "w") as f:
            f.write(">piece\n" + "\n".join(seq[i:i + 80] for i in range(0, len(seq), 80)) + "\n")
        ours, theirs = codes_of(vqdna, model, fasta), peer_codes(net, seq, torch.float32)
        for level in range(ours.shape[1]):
            differ = (ours[:, level] != theirs[:, level]).nonzero().flatten().tolist()
            worst = 0.0
            for at in differ[:200]:
                if not all(ours[at, m] == theirs[at, m] for m in range(level)):
                    continue  # a level follows those before it
                worst = max(worst, margins(net, seq, at, int(ours[at, level]), int(theirs[at, level]), level))
            share = 1 - len(differ) / len(seq)
            print("level %d: %d of %d bases differ, equal %.5f %%, largest relative distance of the two codes %.1e"
                  % (level + 1, len(differ), len(seq), 100 * share, worst))
            good &= share >= 0.9999 and worst < 1e-5

        # The other way: a network of the peer's, with codes, without a config.json.
        other = peer.Tokenizer(**dict(peer.PRESETS["tiny"], hrq=True))
        torch.manual_seed(3)
        for book in other.books:
            book.e.copy_(torch.randn_like(book.e))
        saved = os.path.join(folder, "saved")
        os.mkdir(saved)
        peer.save_safetensors(os.path.join(saved, "model.safetensors"), other.state_dict())
        short = seq[:20000]
        with open(fasta, "w") as f:
            f.write(">piece\n" + short + "\n")
        same = (codes_of(vqdna, saved, fasta) == peer_codes(other, short, torch.float32)).double().mean(0)
        print("a model the peer saved, loaded by ours: equal codes", ", ".join("%.4f %%" % (100 * x) for x in same.tolist()))
        good &= bool((same >= 0.999).all())
    sys.exit(0 if good else 1)


main()
