"""Time of one loss and gradient, beside scikit-learn's and beside what nobody can avoid.

That is the two products with the data and the exponentials, in the same blocks and threads.

    python benchmarks/evaluate.py [n_rows n_features n_classes]

scikit-learn's function is the one that LogisticRegression hands to scipy's L-BFGS; it is
taken from that call, so that no private name is imported.
"""

import statistics
import sys
import time
import warnings
from unittest import mock

import numpy as np
import scipy.optimize
from sklearn.linear_model import LogisticRegression

from sklearn_softmax._core.targets.labels import Labels
from sklearn_softmax._core.threads import Threads
from sklearn_softmax._fitting.problem import RidgeProblem
from sklearn_softmax._maps import thin_products
from sklearn_softmax._maps.thin_products import transposed

TURNS, REPEATS = 5, 4


def sklearn_function(X, y):
    """The function and its arguments that LogisticRegression minimises."""
    taken = []
    minimize = scipy.optimize.minimize

    def spy(function, start, *args, **kwargs):
        taken.append((function, start, kwargs["args"]))
        return minimize(function, start, *args, **kwargs)

    with mock.patch.object(scipy.optimize, "minimize", spy), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        LogisticRegression(max_iter=1).fit(X, y)
    function, start, args = taken[0]
    return lambda: function(start, *args)


def unavoidable(objective, X, n_classes):
    """Two products and the exponentials, block by block; nothing is added up.

    The products are in the pieces that the fits use, which take less time than whole blocks.
    """
    shape = (n_classes, X.shape[1])
    coef = transposed(np.full(shape, 0.1), X.dtype)

    def visit(rows):
        logits = objective.scratch.blocks(rows.stop - rows.start)[0]
        thin_products.logits(coef, X[rows], logits)
        np.exp(logits, out=logits)
        thin_products.add_product(logits, X[rows], np.zeros(shape))

    return lambda: objective.blocks.for_each(visit, objective.threads)


def turn(function):
    """Times of one turn, after the threads of the other have gone to sleep, and a warm-up."""
    time.sleep(0.2)
    function()
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        function()
        times.append(time.perf_counter() - began)
    return times


def compare(n_rows, n_features, n_classes, dtype):
    """Print medians in milliseconds and the ratio."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_rows, n_features)).astype(dtype)
    y = rng.integers(0, n_classes, n_rows)
    theirs = sklearn_function(X, y)
    with Threads() as threads:
        problem = RidgeProblem(
            X, Labels(y, n_classes), None, C=1.0, fit_intercept=True, threads=threads, floor=0.0
        )
        objective, start = problem.objective(dtype), problem.start()

    def ours():
        with threads:
            objective.at(start)
            return threads.count

    products = unavoidable(objective, X, n_classes)

    def least():
        with threads:
            products()

    times = {"sklearn_softmax": [], "scikit-learn": [], "products": []}
    for _ in range(TURNS):
        for name, function in zip(times, (ours, theirs, least), strict=True):
            times[name].extend(turn(function))
    count = ours()
    mine, other, least = (1e3 * statistics.median(column) for column in times.values())
    print(
        f"{n_rows} x {n_features}, {n_classes} classes, {np.dtype(dtype).name}: {mine:.1f} ms on "
        f"{count} threads; scikit-learn {other:.1f} ms, {other / mine:.2f} times; two products and "
        f"exp {least:.1f} ms, so {mine / least:.2f} times what cannot be avoided"
    )


if __name__ == "__main__":
    shape = [int(word) for word in sys.argv[1:4]] or [200_000, 50, 10]
    for dtype in (np.float64, np.float32):
        compare(*shape, dtype)
