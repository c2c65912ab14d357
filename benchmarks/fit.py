"""Time to a certified optimum, beside the peers, on many shapes of data.

    python benchmarks/fit.py                       # data of scikit-learn, and generated data
    python benchmarks/fit.py --data DIRECTORY      # *.npz with X, y; *_X.npz (CSR) with *_y.npy
    python benchmarks/fit.py --only digits wine --limit 10 --plot gap.png

Every peer is given tightening tolerances, and more iterations, until its objective is within
a relative 1e-6 of the best that anyone found, or until the time limit. Peers take turns with
us, each in a child process that starts with the same memory, after a pause in which threads go
to sleep. Objective: that of LogisticRegression with C=1 on raw features, in float64.
"""

import argparse
import contextlib
import multiprocessing
import resource
import statistics
import time
import warnings
from typing import NamedTuple

import numpy as np
from contenders import objective, ours, peers
from problems import from_directory, generated, shipped
from sklearn.linear_model import LogisticRegression

from sklearn_softmax import SoftmaxRegression
from sklearn_softmax._core.objective import Objective

GAP = 1e-6
TOLERANCES = (1e-2, 1e-4, 1e-6, 1e-8, 1e-10)
REPEATS, SHORT = 5, 2.0  # turns, of those that take less than so many seconds
TINY = 0.2  # seconds
LIMIT, PAUSE = "time limit", 0.15


class Missed(NamedTuple):
    """A peer that did not get to the goal: why, and the seconds that were not enough."""

    reason: str
    seconds: float


def timed(function, *args):
    """Result, seconds and peak bytes beside what was there, after the threads of others sleep.

    Of fits that take no time the median of several is told: grid searches do thousands.
    """
    time.sleep(PAUSE)
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = function(*args)
        seconds = [time.perf_counter() - began]
        size = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - held)
        while len(seconds) < REPEATS and seconds[0] < TINY:
            began = time.perf_counter()
            function(*args)
            seconds.append(time.perf_counter() - began)
    return result, statistics.median(seconds), size


def bounded(function, args, limit):
    """Like `timed`, in a child that is killed at the time limit: then (reason, None, None)."""

    def work():
        with contextlib.suppress(Exception), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            function(*warm)  # first calls load libraries and start threads
        try:
            sender.send(timed(function, *args))
        except Exception as error:  # a peer that cannot is a result, too
            sender.send((type(error).__name__, None, None))

    X, y, tol = args
    classes = np.unique(y, return_index=True)[1][:3]
    rows = np.concatenate([np.flatnonzero(y == y[first])[:20] for first in classes])
    warm = X[rows], y[rows], tol
    receiver, sender = multiprocessing.Pipe(duplex=False)
    child = multiprocessing.get_context("fork").Process(target=work)
    child.start()
    answer = receiver.recv() if receiver.poll(limit) else (LIMIT, None, None)
    child.kill()
    child.join()
    return answer


def passes(X, y):
    """Products with the whole data, one forward and one adjoint each, of our default fit."""
    made, start = [], Objective.__init__

    def record(self, *args, **options):
        start(self, *args, **options)
        made.append(self)

    Objective.__init__ = record
    try:
        model = SoftmaxRegression().fit(X, y)
    finally:
        Objective.__init__ = start
    return sum(each.n_passes for each in made), model


def chase(fit, X, y, goal, limit):
    """Tolerance, result, seconds and bytes of the first fit at the goal, or why there is none."""
    spent = 0.0
    for tol in TOLERANCES:
        result, seconds, size = bounded(fit, (X, y, tol), limit - spent)
        if seconds is None:
            enough = result != LIMIT  # of time
            return Missed(result, np.inf if enough else limit - spent - PAUSE)
        spent += seconds
        if objective(X, y, *result[:2]) <= goal:
            return tol, result, seconds, size
    return Missed("not reached", np.inf)


def race(X, y, limit):
    """Our row and those of the peers: seconds, iterations, peak bytes, ratio to us."""
    n_passes, model = passes(X, y)
    goal = objective(X, y, model.coef_, model.intercept_) * (1 + GAP)
    found = {name: chase(fit, X, y, goal, limit) for name, fit in peers().items()}
    runs = {"us": (ours, GAP)}
    runs |= {name: (peers()[name], row[0]) for name, row in found.items() if len(row) == 4}
    seconds = {name: [found[name][2]] for name in found if name in runs} | {"us": []}
    for _ in range(REPEATS):
        for name, (fit, tol) in runs.items():
            if not seconds[name] or statistics.median(seconds[name]) < SHORT:
                _, took, size = bounded(fit, (X, y, tol), 10 * limit)
                seconds[name] += [took] if took else []
                if name == "us":
                    mine = (model.n_iter_, size)
    medians = {name: statistics.median(each) for name, each in seconds.items()}
    rows = {"us": (medians["us"], *mine, 1.0)}
    for name, row in found.items():
        rows[name] = row
        if name in medians:
            rows[name] = (medians[name], row[1][2], row[3], medians[name] / medians["us"])
    return rows, n_passes, model.dual_gap_, model


def default_gap(X, y, model):
    """Relative gap that LogisticRegression() leaves, and its seconds."""
    (coef, intercept), seconds, _ = timed(
        lambda: (lambda m: (m.coef_, m.intercept_))(LogisticRegression().fit(X, y))
    )
    best = objective(X, y, model.coef_, model.intercept_)
    return objective(X, y, coef, intercept) / best - 1, seconds


def describe(name, X, y, rows, n_passes, gap, left):
    """Print one data set."""
    how = f"after {n_passes:.0f} passes" if n_passes else "by products of its rows"
    print(
        f"\n{name}: {X.shape[0]} x {X.shape[1]}, {y.max() + 1} classes; certified gap {gap:.0e} "
        f"{how}; LogisticRegression() leaves {left[0]:.0e} in {left[1]:.3f} s"
    )
    for who, row in rows.items():
        if isinstance(row, Missed):
            print(f"  {who:16} {row.reason}")
            continue
        seconds, n_iter, size, ratio = row
        steps = "" if n_iter is None else f"{n_iter} iterations, "
        print(f"  {who:16} {seconds:9.4f} s  {ratio:8.2f}x  {steps}{size / 2**20:.0f} MiB")


def summarise(results):
    """Print the ratios over all data sets."""
    fastest, least, default = {}, {}, []
    for name, rows in results.items():
        peers_rows = {who: row for who, row in rows.items() if who != "us"}
        ratios = {w: row[3] for w, row in peers_rows.items() if not isinstance(row, Missed)}
        missed = [row.seconds for row in peers_rows.values() if isinstance(row, Missed)]
        if ratios:
            fastest[name] = min(ratios.values())
        least[name] = min([*ratios.values(), *(each / rows["us"][0] for each in missed)])
        if "lbfgs" in ratios:
            default.append(ratios["lbfgs"])
    if fastest:
        mean, worst = statistics.geometric_mean(fastest.values()), min(fastest, key=fastest.get)
        print(
            f"\nfastest peer / us: geometric mean {mean:.2f}, least {fastest[worst]:.2f} ({worst})"
        )
    known = [ratio for ratio in least.values() if np.isfinite(ratio)]
    if known:
        print(f"with time limits as bounds: at least {statistics.geometric_mean(known):.2f}")
    if default:
        print(
            f"lbfgs to the same gap / us: geometric mean {statistics.geometric_mean(default):.1f}"
        )
    print(f"no peer got there: {[name for name in results if name not in fastest]}")


def plot(path, sets, limit):
    """Draw relative gap against time for each contender."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        1, len(sets), figsize=(4.2 * len(sets), 3.6), sharey=True, layout="constrained"
    )
    for axis, (name, load) in zip(axes if len(sets) > 1 else [axes], sets.items(), strict=True):
        X, y = load()
        best = objective(X, y, *ours(X, y, 1e-10)[:2])
        for who, fit in ({"sklearn_softmax": ours} | peers()).items():
            points = []
            for tol in (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8):
                result, seconds, _ = bounded(fit, (X, y, tol), limit)
                if seconds is None:
                    break
                points.append((seconds, max(objective(X, y, *result[:2]) / best - 1, 1e-10)))
            style = {"lw": 2.5, "color": "black", "zorder": 3} if fit is ours else {"lw": 1.2}
            axis.loglog(*zip(*points, strict=True), "o-", ms=3, label=who, **style)
        axis.set(title=name, xlabel="seconds", ylim=(1e-10, None))
        axis.axhline(GAP, color="grey", lw=0.8, ls=":")
    figure.axes[0].set_ylabel("relative gap to the optimum")
    figure.axes[-1].legend(fontsize=8)
    figure.savefig(path, dpi=130)


def main():
    """Parse the command line, race and report."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", help="directory of further data")
    parser.add_argument("--only", nargs="*", help="names of data sets")
    parser.add_argument("--limit", type=float, default=10.0, help="seconds for each peer")
    parser.add_argument("--plot", help="draw gap against time to this file, and nothing else")
    options = parser.parse_args()
    sets = from_directory(options.data) if options.data else shipped() | generated()
    sets = {name: sets[name] for name in options.only or sets}
    if options.plot:
        return plot(options.plot, sets, options.limit)
    results = {}
    for name, load in sets.items():
        X, y = load()
        results[name], n_passes, gap, model = race(X, y, options.limit)
        describe(name, X, y, results[name], n_passes, gap, default_gap(X, y, model))
    summarise(results)


if __name__ == "__main__":
    main()
