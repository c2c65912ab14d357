"""Time to a certified optimum, beside the peers, on many shapes of data.

    python benchmarks/fit.py                       # data of scikit-learn, and generated data
    python benchmarks/fit.py --data DIRECTORY      # *.npz with X, y; *_X.npz (CSR) with *_y.npy
    python benchmarks/fit.py --only iris digits --limit 10 --plot gap.png

Every peer is given tightening tolerances, and more iterations, until its objective is within
a relative 1e-6 of the best that anyone found, or until the time limit. Peers take turns with
us in one process, after a pause in which their threads go to sleep. Objective: that of
LogisticRegression with C=1 on raw features, in float64.
"""

import argparse
import multiprocessing
import pathlib
import statistics
import time
import warnings

import numpy as np
from scipy import sparse
from scipy.special import logsumexp
from sklearn import datasets
from sklearn.linear_model import LogisticRegression

from sklearn_softmax import SoftmaxRegression

GAP = 1e-6
TOLERANCES = (1e-2, 1e-4, 1e-6, 1e-8, 1e-10)


def objective(X, y, coef, intercept):
    """Sum of losses and half the squared norm of the coefficients, C = 1."""
    logits = X @ coef.T + intercept
    if len(coef) == 1:
        logits = np.column_stack([np.zeros(len(y)), logits])
    losses = logsumexp(logits, axis=1) - logits[np.arange(len(y)), y]
    return losses.sum() + 0.5 * np.sum(coef**2)


def sklearn_peer(solver):
    """A peer: (X, y, tol) -> coefficients."""

    def fit(X, y, tol):
        model = LogisticRegression(solver=solver, tol=tol, max_iter=100_000)
        model.fit(X, y)
        return model.coef_, model.intercept_

    return fit


def cyanure_peer(X, y, tol):
    """cyanure's logistic losses; its objective is divided by the number of rows."""
    from cyanure.estimators import Classifier

    binary = y.max() == 1
    model = Classifier(
        loss="logistic" if binary else "multiclass-logistic",
        penalty="l2",
        lambda_1=1.0 / len(y),
        fit_intercept=True,
        tol=tol,
        max_iter=5000,
        verbose=False,
    )
    model.fit(X, y)
    coef = np.atleast_2d(model.coef_)
    return (coef if binary and len(coef) == 1 else coef.T), np.ravel(model.intercept_)


def peers():
    """Names and functions of the peers that are installed."""
    names = ("lbfgs", "newton-cg", "newton-cholesky", "saga")
    found = {name: sklearn_peer(name) for name in names}
    try:
        import cyanure  # noqa: F401
    except ImportError:
        return found
    return found | {"cyanure": cyanure_peer}


def generated():
    """Names and makers of generated data: every shape, small enough to wait for."""
    rng = np.random.default_rng(0)

    def linear(n, p, k, noise=1.0, scale=None):
        X = rng.standard_normal((n, p))
        logits = X @ rng.standard_normal((p, k)) / noise / np.sqrt(p)
        y = np.argmax(logits + rng.gumbel(size=logits.shape), axis=1)
        y[:k] = np.arange(k)
        return (X if scale is None else X * scale(p) + 3.0 * scale(p)), y

    def sparse_counts(n, p, k):
        X = sparse.random_array((n, p), density=20 / p, format="csr", rng=rng)
        y = np.argmax(X @ rng.standard_normal((p, k)) * 3 + rng.gumbel(size=(n, k)), axis=1)
        y[:k] = np.arange(k)
        return X, y

    return {
        "n>>p": lambda: linear(200_000, 50, 10),
        "p>>n": lambda: linear(100, 20_000, 10),
        "many classes": lambda: linear(5000, 30, 300),
        "ill-scaled": lambda: linear(20_000, 30, 5, scale=lambda p: np.logspace(-3, 3, p)),
        "near-separable": lambda: linear(5000, 30, 5, noise=0.02),
        "sparse": lambda: sparse_counts(20_000, 5000, 20),
    }


def shipped():
    """Names and loaders of the data that ship with scikit-learn."""
    loaders = (datasets.load_iris, datasets.load_wine, datasets.load_digits)
    loaders += (datasets.load_breast_cancer,)
    return {f.__name__[5:]: lambda f=f: f(return_X_y=True) for f in loaders}


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


def timed(function, *args):
    """Result and seconds, after the threads of others have gone to sleep."""
    time.sleep(0.15)
    began = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = function(*args)
    return result, time.perf_counter() - began


def bounded(function, args, limit):
    """Result and seconds of a peer, in a child that is killed at the time limit."""

    def work():
        try:
            sender.send(timed(function, *args))
        except Exception as error:  # a peer that cannot is a result, too
            sender.send((type(error).__name__, None))

    receiver, sender = multiprocessing.Pipe(duplex=False)
    child = multiprocessing.get_context("fork").Process(target=work)
    child.start()
    answer = receiver.recv() if receiver.poll(limit) else ("time limit", None)
    child.kill()
    child.join()
    return answer


def ours(X, y, tol=GAP):
    """Our fit with default arguments."""
    return SoftmaxRegression(tol=tol).fit(X, y)


def race(name, X, y, limit):
    """Rows of one data set: who, seconds to the gap, the gap of the default."""
    model, first = timed(ours, X, y)
    repeats = 1 if first > 2 else 5
    seconds = statistics.median([first] + [timed(ours, X, y)[1] for _ in range(repeats)])
    best = objective(X, y, model.coef_, model.intercept_)
    default, _ = timed(LogisticRegression().fit, X, y)
    default_gap = objective(X, y, default.coef_, default.intercept_) / best - 1
    rows = {}
    for peer, fit in peers().items():
        spent, reached = 0.0, None
        for tol in TOLERANCES:
            result, took = bounded(fit, (X, y, tol), limit - spent)
            if took is None:
                rows[peer] = result
                break
            spent += took
            if objective(X, y, *result) <= best * (1 + GAP):
                again = [] if took > 2 else [bounded(fit, (X, y, tol), limit)[1] for _ in range(2)]
                reached = statistics.median([took, *filter(None, again)])
                break
        rows.setdefault(peer, reached)
    return seconds, model.dual_gap_, rows, default_gap


def report(results):
    """Print ratios, and their geometric mean."""
    numbers = {n: [v for v in r[2].values() if isinstance(v, float)] for n, r in results.items()}
    ratios = [min(numbers[n]) / r[0] for n, r in results.items() if numbers[n]]
    default = [r[2]["lbfgs"] / r[0] for r in results.values() if isinstance(r[2]["lbfgs"], float)]
    if ratios:
        mean = statistics.geometric_mean(ratios)
        print(f"fastest peer / us: geometric mean {mean:.2f}, least {min(ratios):.2f}")
    if default:
        mean = statistics.geometric_mean(default)
        print(f"lbfgs to the same gap / us: geometric mean {mean:.1f}")


def main():
    """Parse the command line and race."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", help="directory of further data")
    parser.add_argument("--only", nargs="*", help="names of data sets")
    parser.add_argument("--limit", type=float, default=20.0, help="seconds for each peer")
    options = parser.parse_args()
    sets = shipped() | generated()
    if options.data:
        sets = from_directory(options.data)
    results = {}
    for name, load in sets.items():
        if options.only and name not in options.only:
            continue
        X, y = load()
        results[name] = seconds, gap, rows, default_gap = race(name, X, y, options.limit)
        shape = f"{X.shape[0]}x{X.shape[1]}, {y.max() + 1}"
        cells = "  ".join(
            f"{peer} {took:.4f} ({took / seconds:.1f}x)"
            if isinstance(took, float)
            else f"{peer} {took or 'not reached'}"
            for peer, took in rows.items()
        )
        print(
            f"{name:18} {shape:16} us {seconds:.4f} s (gap {gap:.0e})  {cells}  "
            f"default LogisticRegression gap {default_gap:.1e}",
            flush=True,
        )
    report(results)


if __name__ == "__main__":
    main()
