"""One pass over shuffled data in batches: held-out log-loss beside a full fit and SGD.

    python benchmarks/stream.py                          # data of scikit-learn, and generated
    python benchmarks/stream.py --data DIRECTORY         # *.npz with X, y; *_X.npz with *_y.npy
    python benchmarks/stream.py --only digits --batch 32

A quarter of the rows is held out. `SGDClassifier(loss="log_loss")` gets features that were
standardised with all training rows, which a stream does not have (sparse ones are only scaled),
and its default learning rate; its probabilities are those of one-vs-rest. Ratios of log-loss are
to the full fit's, SoftmaxRegression with C=1.
"""

import argparse
import time
import warnings

import numpy as np
from problems import from_directory, generated, shipped
from scipy import sparse
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler

from sklearn_softmax import SoftmaxRegression


def split(X, y, seed=0):
    """Training and test rows, shuffled, with labels 0, 1, ..."""
    y = np.unique(y, return_inverse=True)[1]
    order = np.random.default_rng(seed).permutation(len(y))
    train, test = order[: 3 * len(y) // 4], order[3 * len(y) // 4 :]
    return X[train], y[train], X[test], y[test]


def one_pass(model, X, y, batch, n_classes):
    """Seconds that one pass takes."""
    began, classes = time.perf_counter(), np.arange(n_classes)
    for start in range(0, len(y), batch):
        rows = slice(start, start + batch)
        model.partial_fit(X[rows], y[rows], classes=classes)
    return time.perf_counter() - began


def race(X, y, batch):
    """Held-out log-losses and seconds of full fit, stream and SGD."""
    train, labels, test, truth = split(X, y)
    n_classes = int(max(labels.max(), truth.max())) + 1
    known = np.isin(truth, labels)
    test, truth = test[np.flatnonzero(known)], truth[known]
    began = time.perf_counter()
    full = SoftmaxRegression(classes=np.arange(n_classes)).fit(train, labels)
    found = {"full": (full.log_loss(test, truth), time.perf_counter() - began)}
    model = SoftmaxRegression()
    seconds = one_pass(model, train, labels, batch, n_classes)
    found["stream"] = (model.log_loss(test, truth), seconds)
    scaler = StandardScaler(with_mean=not sparse.issparse(X)).fit(train)
    model = SGDClassifier(loss="log_loss", random_state=0)
    seconds = one_pass(model, scaler.transform(train), labels, batch, n_classes)
    chances = model.predict_proba(scaler.transform(test)).astype(np.float64)
    found["SGD"] = (log_loss(truth, chances, labels=np.arange(n_classes)), seconds)
    return len(labels), n_classes, found


def main():
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="directory of more data")
    parser.add_argument("--only", nargs="+", help="names of data sets")
    parser.add_argument("--batch", type=int, default=128, help="rows of a batch")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    sets = shipped() | generated() | (from_directory(options.data) if options.data else {})
    print(
        f"{'':20}{'rows':>8}{'p':>7}{'K':>5}{'full':>9}  stream  SGD    ms/row: stream   SGD  fit s"
    )
    worst = {}
    for name in options.only or sets:
        X, y = sets[name]()
        n_rows, n_classes, found = race(X, y, options.batch)
        full, seconds = found["full"]
        ratio, sgd = (found[who][0] / full for who in ("stream", "SGD"))
        times = [1e3 * found[who][1] / n_rows for who in ("stream", "SGD")]
        worst[name] = ratio
        print(
            f"{name:20}{n_rows:8d}{X.shape[1]:7d}{n_classes:5d}{full:9.4f}{ratio:8.3f}{sgd:8.2f}"
            f"{times[0]:15.3f}{times[1]:8.3f}{seconds:7.2f}",
            flush=True,
        )
    name = max(worst, key=worst.get)
    print(f"largest ratio of the stream: {worst[name]:.4f} ({name})")


if __name__ == "__main__":
    main()
