"""Peak memory of a default fit beside the data, as a share of the data.

python benchmarks/memory.py [n_rows n_features n_classes]
"""

import sys
import tracemalloc
import warnings

import numpy as np
from sklearn.linear_model import LogisticRegression

from sklearn_softmax import SoftmaxRegression


def peak(model, X, y):
    """Largest memory held during a fit, in bytes."""
    tracemalloc.start()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, y)
    size = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return size


def main(n_rows=200_000, n_features=50, n_classes=10):
    """Print the shares for both dtypes and for the peers."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_rows, n_features))
    logits = X @ rng.standard_normal((n_features, n_classes)) / np.sqrt(n_features)
    y = np.argmax(logits + rng.gumbel(size=logits.shape), axis=1)
    del logits
    for data in (X, X.astype(np.float32)):
        models = {
            "SoftmaxRegression()": SoftmaxRegression(),
            "LogisticRegression()": LogisticRegression(),
            "LogisticRegression(solver='newton-cholesky')": LogisticRegression(
                solver="newton-cholesky"
            ),
        }
        for name, model in models.items():
            share = peak(model, data, y) / data.nbytes
            print(f"{data.dtype} {n_rows} x {n_features}: {name} holds {share:.1%} of X beside X")


if __name__ == "__main__":
    main(*[int(word) for word in sys.argv[1:4]])
