"""Data to fit: shipped with scikit-learn, generated in every shape, or from a directory."""

import pathlib

import numpy as np
from scipy import sparse
from sklearn import datasets


def linear(n_rows, n_features, n_classes, noise=1.0, scale=None):
    """Gaussian features and labels from linear logits with Gumbel noise."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_rows, n_features))
    logits = X @ rng.standard_normal((n_features, n_classes)) / noise / np.sqrt(n_features)
    y = np.argmax(logits + rng.gumbel(size=logits.shape), axis=1)
    y[:n_classes] = np.arange(n_classes)
    return (X if scale is None else X * scale + 3.0 * scale), y


def sparse_counts(n_rows, n_features, n_classes):
    """About 20 stored numbers in each row."""
    rng = np.random.default_rng(0)
    shape = (n_rows, n_features)
    X = sparse.random(*shape, density=20 / n_features, format="csr", random_state=rng)
    logits = X @ rng.standard_normal((n_features, n_classes)) * 3
    y = np.argmax(logits + rng.gumbel(size=logits.shape), axis=1)
    y[:n_classes] = np.arange(n_classes)
    return X, y


def shipped():
    """Names and loaders of the data that ship with scikit-learn."""
    loaders = (datasets.load_iris, datasets.load_wine, datasets.load_digits)
    loaders += (datasets.load_breast_cancer,)
    return {f.__name__[5:]: lambda f=f: f(return_X_y=True) for f in loaders}


def generated():
    """Names and makers of generated data: every shape, small enough to wait for."""
    return {
        "n>>p": lambda: linear(200_000, 50, 10),
        "p>>n": lambda: linear(100, 20_000, 10),
        "K=3": lambda: linear(20_000, 30, 3),
        "K=300": lambda: linear(5000, 30, 300),
        "K=1000": lambda: linear(10_000, 30, 1000),
        "ill-scaled": lambda: linear(20_000, 30, 5, scale=np.logspace(-3, 3, 30)),
        "near-separable": lambda: linear(5000, 30, 5, noise=0.02),
        "sparse": lambda: sparse_counts(20_000, 5000, 20),
        "sparse K=150": lambda: sparse_counts(20_000, 2000, 150),
    }


def from_directory(directory):
    """Names and loaders of files: X and y in one npz, or a CSR matrix beside its labels."""

    def dense(path):
        with np.load(path, allow_pickle=False) as file:
            return file["X"].astype(np.float64), file["y"].astype(np.intp)

    def csr(path):
        labels = np.load(path.with_name(path.name.replace("_X.npz", "_y.npy")))
        return sparse.load_npz(path).tocsr(), labels.astype(np.intp)

    found = {}
    for path in sorted(pathlib.Path(directory).glob("*.npz")):
        kind = csr if path.name.endswith("_X.npz") else dense
        found[path.stem.removesuffix("_X")] = lambda path=path, kind=kind: kind(path)
    return found
