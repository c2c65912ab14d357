"""Time and memory of predictions, beside scikit-learn's, from the same coefficients.

python benchmarks/predict.py [n_rows n_features n_classes]
"""

import statistics
import sys
import time
import tracemalloc

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from sklearn_softmax import SoftmaxRegression

TURNS = 5


def models(n_features, n_classes, rng):
    """Both estimators with the same coefficients."""
    X = rng.standard_normal((20 * n_classes, n_features))
    y = np.arange(len(X)) % n_classes
    mine = SoftmaxRegression().fit(X, y)
    theirs = LogisticRegression(max_iter=1000).fit(X, y)
    theirs.coef_, theirs.intercept_ = mine.coef_, mine.intercept_
    return mine, theirs


def turn(function):
    """Seconds of a call, after the threads of the other have gone to sleep."""
    time.sleep(0.2)
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def peak(function):
    """Largest memory held beside what was there, in bytes."""
    tracemalloc.start()
    function()
    size = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return size


def compare(name, mine, theirs, result_bytes):
    """Print medians, the ratio, and memory as a multiple of the result."""
    times = [(turn(mine), turn(theirs)) for _ in range(TURNS)]
    ours, other = (statistics.median(column) for column in zip(*times, strict=True))
    ratio = statistics.median(b / a for a, b in times)
    memory = [peak(function) / result_bytes for function in (mine, theirs)]
    print(
        f"{name}: {1e3 * ours:.0f} ms, scikit-learn {1e3 * other:.0f} ms, ratio {ratio:.2f}; "
        f"peak memory {memory[0]:.2f} and {memory[1]:.2f} of the probabilities"
    )


def main(n_rows=1_000_000, n_features=20, n_classes=10):
    """Compare predict_proba and log_loss."""
    rng = np.random.default_rng(0)
    mine, theirs = models(n_features, n_classes, rng)
    X = rng.standard_normal((n_rows, n_features))
    y = rng.integers(0, n_classes, n_rows)
    size = 8 * n_rows * n_classes
    compare("predict_proba", lambda: mine.predict_proba(X), lambda: theirs.predict_proba(X), size)
    compare(
        "log_loss",
        lambda: mine.log_loss(X, y),
        lambda: log_loss(y, theirs.predict_proba(X), labels=theirs.classes_),
        size,
    )


if __name__ == "__main__":
    main(*[int(word) for word in sys.argv[1:4]])
