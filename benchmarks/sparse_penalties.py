"""Time to a certified gap with L1 and group penalties, beside saga, cyanure and glmnet.

    python benchmarks/sparse_penalties.py --data DIRECTORY        # *.npz; *_X.npz with *_y.npy
    python benchmarks/sparse_penalties.py --data DIRECTORY --only khan vowel --times 30 --limit 20

Features are taken raw and standardised (sparse ones: by their largest value). C is a multiple of
the largest C at which all coefficients are zero. Every peer is given tightening tolerances until
its objective is within a relative 1e-4 and 1e-6 of ours at tol=1e-9, or until the time limit.
saga and cyanure fit at this C; glmnet (R on the path, if any) follows 50 C up to it, and is
compared with `softmax_regression_path` at the same C.
"""

import argparse
import importlib.util
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import warnings

import numpy as np
from fit import bounded
from problems import from_directory
from scipy import io, sparse
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import MaxAbsScaler, StandardScaler

from sklearn_softmax import SoftmaxRegression, softmax_regression_path

GAPS = (1e-4, 1e-6)
TOLERANCES = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-8, 1e-10)
PENALTIES = {"l1": {"l1_ratio": 1.0}, "group": {"penalty": "group"}}
PATH = 50
HERE = pathlib.Path(__file__).parent


def objective(X, y, C, kind, coef, intercept):
    """C times the sum of losses, and the norm."""
    logits = X @ coef.T + intercept
    if len(coef) == 1:
        logits = np.column_stack([np.zeros(len(y)), logits])
    losses = logsumexp(logits, axis=1) - logits[np.arange(len(y)), y]
    norm = np.abs(coef).sum() if kind == "l1" else np.sqrt((coef**2).sum(axis=0)).sum()
    return C * losses.sum() + norm


def ours(C, kind):
    """Our fit at one C."""

    def fit(X, y, tol):
        model = SoftmaxRegression(C=C, tol=tol, **PENALTIES[kind]).fit(X, y)
        return model.coef_, model.intercept_

    return fit


def our_path(Cs, kind):
    """Our fits at many C; the last is returned."""

    def fit(X, y, tol):
        path = softmax_regression_path(X, y, Cs=Cs, tol=tol, **PENALTIES[kind])
        return path.coefs[-1], path.intercepts[-1]

    return fit


def saga(C, kind):
    """scikit-learn's only solver of L1 for several classes."""

    def fit(X, y, tol):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = LogisticRegression(
                C=C, penalty="l1", solver="saga", tol=0.1 * tol, max_iter=1_000_000
            ).fit(X, y)
        return model.coef_, model.intercept_

    return fit


def cyanure(C, kind):
    """cyanure's logistic losses; its objective is divided by C times the number of rows."""

    def fit(X, y, tol):
        from cyanure.estimators import Classifier

        binary = y.max() == 1
        model = Classifier(
            loss="logistic" if binary else "multiclass-logistic",
            penalty="l1l2" if kind == "group" and not binary else "l1",
            lambda_1=1.0 / (C * len(y)),
            fit_intercept=True,
            tol=tol,
            max_iter=100_000,
            verbose=False,
        )
        model.fit(X, y)
        coef = np.atleast_2d(model.coef_)
        coef = coef if binary and len(coef) == 1 else coef.T
        return coef, np.ravel(model.intercept_)

    return fit


def glmnet(Cs, kind, X, y, thresh, limit):
    """Coefficients of the last C and seconds, or (reason, None)."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        if sparse.issparse(X):
            io.mmwrite(folder / "X.mtx", X)
        else:
            np.asarray(X, np.float64).ravel(order="F").tofile(folder / "X")
        arrays = {
            "shape": X.shape,
            "y": y,
            "lambda": 1.0 / (Cs * len(y)),
            "options": (thresh, kind == "group"),
        }
        for name, array in arrays.items():
            np.asarray(array, np.float64).tofile(folder / name)
        command = ["Rscript", HERE / "glmnet.R", folder]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=limit + 30)
        except (subprocess.SubprocessError, OSError) as error:
            return type(error).__name__, None
        seconds, last = np.fromfile(folder / "seconds")
        coef = np.fromfile(folder / "coef").reshape(-1, X.shape[1])
        intercept = np.fromfile(folder / "intercept")
        return (coef, intercept), seconds if last == len(Cs) else None


def chase(run, goals, value):
    """Seconds at which each goal was first reached, as tolerances tighten; None where it was not.

    ``run(tol) -> coefficients, seconds``.
    """
    found, best = {}, np.inf
    for tol in TOLERANCES:
        result, seconds = run(tol)
        if seconds is None:
            break
        best = min(best, value(*result))
        for gap, goal in goals.items():
            if gap not in found and best <= goal:
                found[gap] = seconds
        if len(found) == len(goals):
            break
    return found


def race(X, y, kind, times, limit):
    """Seconds to each gap for each contender, and our gap and number of features."""
    first = softmax_regression_path(X, y, Cs=1, **PENALTIES[kind]).Cs[0]
    C = first * times
    Cs = first * np.geomspace(1.0, times, PATH)
    best = SoftmaxRegression(C=C, tol=1e-9, **PENALTIES[kind]).fit(X, y)

    def value(coef, intercept):
        return objective(X, y, C, kind, coef, intercept)

    goals = {gap: value(best.coef_, best.intercept_) * (1.0 + gap) for gap in GAPS}

    def child(fit):
        return lambda tol: bounded(fit, (X, y, tol), limit)[:2]

    rows = {"us": chase(child(ours(C, kind)), goals, value)}
    if kind == "l1":
        rows["saga"] = chase(child(saga(C, kind)), goals, value)
    if importlib.util.find_spec("cyanure"):
        rows["cyanure"] = chase(child(cyanure(C, kind)), goals, value)
    if shutil.which("Rscript"):
        rows["our path"] = chase(child(our_path(Cs, kind)), goals, value)
        rows["glmnet"] = chase(lambda tol: glmnet(Cs, kind, X, y, 1e-2 * tol, limit), goals, value)
    return rows, best, C


def scalings(X):
    """Names and versions of the data."""
    yield "raw", X
    if sparse.issparse(X):
        yield "scaled", MaxAbsScaler().fit_transform(X).tocsr()
    else:
        yield "standardised", StandardScaler().fit_transform(X)


def describe(name, rows, best, C):
    """Print one problem."""
    used = np.count_nonzero(best.coef_.any(axis=0))
    print(
        f"\n{name}: C={C:.3g}, {used} of {best.coef_.shape[1]} features, "
        f"{np.count_nonzero(best.coef_)} coefficients, certified {best.dual_gap_:.0e}",
        flush=True,
    )
    for who, found in rows.items():
        base = rows["our path" if who == "glmnet" else "us"]
        cells = []
        for gap in GAPS:
            seconds = found.get(gap)
            ratio = seconds / base[gap] if seconds and gap in base else None
            told = "not reached" if seconds is None else f"{seconds:9.3f} s"
            cells.append(f"{gap:.0e}: {told}" + ("" if ratio is None else f" {ratio:8.2f}x"))
        print(f"  {who:9} " + "   ".join(cells), flush=True)


def summarise(results):
    """Print geometric means of ratios over all problems."""
    for who, base in (("saga", "us"), ("cyanure", "us"), ("glmnet", "our path")):
        for gap in GAPS:
            ratios = {
                name: rows[who][gap] / rows[base][gap]
                for name, rows in results.items()
                if gap in rows.get(who, {}) and gap in rows[base]
            }
            missed = sum(who in rows and gap not in rows[who] for rows in results.values())
            if ratios:
                worst = min(ratios, key=ratios.get)
                mean = statistics.geometric_mean(ratios.values())
                print(
                    f"{who} / {base} to {gap:.0e}: geometric mean {mean:.2f}, least "
                    f"{ratios[worst]:.2f} ({worst}); not reached in time: {missed}"
                )


def main():
    """Parse the command line, race and report."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", required=True, help="directory of data")
    parser.add_argument("--only", nargs="*", help="names of data sets")
    parser.add_argument("--kinds", nargs="*", default=list(PENALTIES), choices=PENALTIES)
    parser.add_argument("--times", type=float, default=30.0, help="C over that of zeros only")
    parser.add_argument("--limit", type=float, default=20.0, help="seconds for each fit")
    options = parser.parse_args()
    sets = from_directory(options.data)
    results = {}
    for name in options.only or sets:
        X, y = sets[name]()
        for scaling, scaled in scalings(X):
            for kind in options.kinds:
                row = race(scaled, y, kind, options.times, options.limit)
                results[f"{name} {scaling} {kind}"] = row[0]
                describe(f"{name} {scaling} {kind}", *row)
    summarise(results)


if __name__ == "__main__":
    main()
