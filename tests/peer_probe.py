"""The probe's logistic regression against scikit-learn's, on the probe's own features: the loss within 1e-3, MCC within 0.01.

usage: peer_probe.py VQDNA [TRAIN TEST FEATURES]...   (tables; without them, sequences are made here)
"""
import json
import os
import random
import subprocess
import sys
import tempfile

try:
    from sklearn.datasets import load_svmlight_file
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import accuracy_score, f1_score, log_loss, matthews_corrcoef
except ImportError as missing:
    print(f"SKIPPED: {missing}")
    sys.exit(77)


def write_table(path, rows, classes, seed):
    """Each class has a word of its own, which stands in most of its sequences."""
    rng = random.Random(seed)
    words = ["GATTACA", "CCGTTGA", "TATAAAG", "ACCTGCA"]
    with open(path, "w") as table:
        table.write("sequence,label\n")
        for _ in range(rows):
            label = rng.randrange(classes)
            s = "".join(rng.choice("ACGT") for _ in range(60))
            if rng.random() < 0.7:
                at = rng.randrange(53)
                s = s[:at] + words[label] + s[at + 7:]
            table.write(f"{s},{label}\n")


def compare(vqdna, train, test, features, penalty, folder):
    prefix = os.path.join(folder, "m")
    penalties = ["--penalty", str(penalty)] if penalty else []
    ours = json.loads(subprocess.run([vqdna, "probe", "-q", "--json", "--train", train, "--dev", test, "--test", test, "--features",
                                      features, "--svmlight", prefix] + penalties, check=True, stdout=subprocess.PIPE).stdout)
    x, y = load_svmlight_file(prefix + ".train.svm", n_features=ours["columns"])
    tx, ty = load_svmlight_file(prefix + ".test.svm", n_features=ours["columns"])
    C = ours["C"][0]
    peer = LogisticRegression(C=C, tol=1e-7, max_iter=20000).fit(x, y)
    loss = log_loss(y, peer.predict_proba(x)) + (peer.coef_ ** 2).sum() / (2 * C * len(y))
    told = peer.predict(tx)
    theirs = {"mcc": matthews_corrcoef(ty, told), "f1_macro": f1_score(ty, told, average="macro"),
              "accuracy": accuracy_score(ty, told)}
    print(f"{os.path.basename(os.path.dirname(train))} {features} C {C:g}: loss {ours['train_loss']:.6f} {loss:.6f}; mcc "
          f"{ours['test']['mcc']['mean']:.4f} {theirs['mcc']:.4f}", flush=True)
    good = abs(ours["train_loss"] - loss) <= 1e-3 * loss
    return good and all(abs(ours["test"][name]["mean"] - value) <= 0.01 for name, value in theirs.items())


def main():
    vqdna, sets = sys.argv[1], sys.argv[2:]
    good = True
    with tempfile.TemporaryDirectory() as folder:
        if sets:
            for i in range(0, len(sets), 3):
                good &= compare(vqdna, *sets[i:i + 3], None, folder)
        for classes in () if sets else (2, 4):
            train, test = os.path.join(folder, "train.csv"), os.path.join(folder, "test.csv")
            write_table(train, 800, classes, 1)
            write_table(test, 800, classes, 2)
            for features in ("kmer:5", "kmer:3:frequency,onehot"):
                for penalty in (0.1, 10, 1000):
                    good &= compare(vqdna, train, test, features, penalty, folder)
    sys.exit(0 if good else 1)


main()
