"""Time to choose C by cross-validation, beside LogisticRegressionCV: same grid, same folds.

    python benchmarks/cross_validation.py                    # data of scikit-learn, and generated
    python benchmarks/cross_validation.py --data DIRECTORY   # *.npz with X, y; *_X.npz with *_y.npy
    python benchmarks/cross_validation.py --only digits wine --limit 60

Ten values of C from 1e-4 to 1e4, five stratified folds, log-loss, C chosen by the best mean, refit.
A peer is given tightening tolerances until its objective is within a relative 1e-6 of the optimum
at every C and fold, or until the time limit. Then it takes turns with us, each in a child process.
"""

import argparse
import statistics

import numpy as np
from contenders import objective
from fit import GAP, bounded
from problems import from_directory, generated, shipped
from sklearn.linear_model import LogisticRegressionCV
from sklearn.model_selection import StratifiedKFold

from sklearn_softmax import SoftmaxRegression, SoftmaxRegressionCV

CS = np.geomspace(1e-4, 1e4, 10)
FOLDS = StratifiedKFold(5)
TOLERANCES = (1e-4, 1e-6, 1e-8, 1e-10, 1e-12)
REPEATS, SHORT = 3, 3.0  # turns, of those that take less than so many seconds
GENERATED = ("n>>p", "p>>n", "K=3", "ill-scaled", "near-separable", "sparse")


def ours(X, y, tol):
    """The chosen C, and mean scores."""
    model = SoftmaxRegressionCV(CS, cv=FOLDS, tol=tol).fit(X, y)
    return model.C_, model.mean_score_


def loo(X, y, tol):
    """The same by approximate leave-one-out."""
    model = SoftmaxRegressionCV(CS, cv="loo", tol=tol).fit(X, y)
    return model.C_, model.mean_score_


def peer(solver):
    """A fit of LogisticRegressionCV: the chosen C, mean scores, coefficients of the folds."""

    def fit(X, y, tol):
        model = LogisticRegressionCV(
            Cs=CS,
            cv=FOLDS,
            scoring="neg_log_loss",
            solver=solver,
            tol=tol,
            max_iter=100_000,
            l1_ratios=(0.0,),
            use_legacy_attributes=False,
        ).fit(X, y)
        return model.C_, model.scores_[:, 0].mean(axis=0), model.coefs_paths_[:, 0]

    return fit


def optima(X, y):
    """Objectives of certified fits to the training rows of each fold, divided by C."""
    found = np.empty((FOLDS.get_n_splits(), len(CS)))
    for row, (train, _) in zip(found, FOLDS.split(X, y), strict=True):
        model = SoftmaxRegression(tol=1e-8, warm_start=True)
        for place, C in enumerate(CS):
            row[place] = model.set_params(C=C).fit(X[train], y[train]).loss_ * len(train)
    return found


def largest_gap(X, y, coefs, best):
    """Of the folds and values of C, relative to the optimum."""
    gaps = []
    for fold, (train, _) in enumerate(FOLDS.split(X, y)):
        for place, C in enumerate(CS):
            coef = np.atleast_2d(coefs[fold, place])
            root = np.sqrt(C)  # the penalty of coefficients W / √C is that of W divided by C
            value = _objective(X[train], y[train], coef, root)
            gaps.append(value / best[fold, place] - 1)
    return max(gaps)


def _objective(X, y, coef, root):
    loss = objective(X, y, coef[:, :-1], coef[:, -1]) - 0.5 * np.sum(coef[:, :-1] ** 2)
    return loss + 0.5 * np.sum((coef[:, :-1] / root) ** 2)


def chase(solver, X, y, best, limit):
    """The first tolerance at which a peer is there, or why there is none, and its nearest gap."""
    nearest, spent = np.inf, 0.0
    for tol in TOLERANCES:
        result, seconds, _ = bounded(peer(solver), (X, y, tol), limit - spent)
        if seconds is None:
            return None, f"{result}, gap {nearest:.0e}", limit
        gap = largest_gap(X, y, result[2], best)
        nearest, spent = min(nearest, gap), spent + seconds
        if gap <= GAP:
            return tol, result, seconds
        if spent > limit:
            break
    return None, f"not reached, gap {nearest:.0e}", seconds


def race(name, X, y, limit):
    """Print our row and those of the peers; return the ratios."""
    mine, seconds, _ = bounded(ours, (X, y, GAP), 10 * limit)
    alone, loo_seconds, _ = bounded(loo, (X, y, GAP), limit)
    best, took, ratios = optima(X, y), [seconds], {}
    found = {solver: chase(solver, X, y, best, limit) for solver in ("lbfgs", "newton-cholesky")}
    turns = {solver: [row[2]] for solver, row in found.items()}
    while len(took) < REPEATS and seconds < SHORT:
        took.append(bounded(ours, (X, y, GAP), limit)[1])
        for solver, (tol, _, first) in found.items():
            if tol is not None and first < SHORT:
                turns[solver].append(bounded(peer(solver), (X, y, tol), 10 * limit)[1])
    median = statistics.median(took)
    print(f"\n{name}: {X.shape[0]} x {X.shape[1]}, {y.max() + 1} classes", flush=True)
    print(f"  {'us':16} {median:9.3f} s           C = {mine[0]:.4g}")
    if loo_seconds is not None:
        print(f"  {'us, loo':16} {loo_seconds:9.3f} s           C = {alone[0]:.4g}")
    for solver, (tol, result, _) in found.items():
        seconds = statistics.median(turns[solver])
        if tol is None:
            print(f"  {solver:16} {seconds:9.3f} s {seconds / median:7.1f}x  {result}", flush=True)
            continue
        ratios[solver] = seconds / median
        chosen = f"C = {float(np.ravel(result[0])[0]):.4g}"
        print(f"  {solver:16} {seconds:9.3f} s {ratios[solver]:7.1f}x  {chosen}, tol={tol:g}")
    return ratios


def main():
    """Parse the command line, race and report."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", help="directory of further data")
    parser.add_argument("--only", nargs="*", help="names of data sets")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds for each peer")
    options = parser.parse_args()
    own = shipped() | {name: make for name, make in generated().items() if name in GENERATED}
    sets = from_directory(options.data) if options.data else own
    results = []
    for name in options.only or sets:
        X, y = sets[name]()
        results.append(race(name, X, np.unique(y, return_inverse=True)[1], options.limit))
    for solver in ("lbfgs", "newton-cholesky"):
        ratios = [row[solver] for row in results if solver in row]
        if ratios:
            print(
                f"\n{solver} / us: geometric mean {statistics.geometric_mean(ratios):.1f}, "
                f"least {min(ratios):.1f}, of {len(ratios)} sets where it got there"
            )


if __name__ == "__main__":
    main()
