"""What a fit holds beside the data."""

import gc
import inspect
import platform
import subprocess
import sys
import tracemalloc
import weakref

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from sklearn_softmax import SoftmaxRegression
from sklearn_softmax._core.objective import Objective


def draw(n, p, n_classes):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, p))
    logits = X @ rng.standard_normal((p, n_classes)) / np.sqrt(p)
    return X, np.argmax(logits + rng.gumbel(size=logits.shape), axis=1)


def peak_of_fit(X, y):
    """Bytes, after a fit that imports and starts what stays."""
    SoftmaxRegression().fit(X[:500], y[:500])
    tracemalloc.start()
    SoftmaxRegression().fit(X, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_a_large_fit_takes_a_small_share_of_the_data():
    """On two threads, work memory included, the certificate in float64 included."""
    X, y = draw(200_000, 50, 10)
    with threadpool_limits(2, user_api="blas"):
        assert peak_of_fit(X, y) <= 0.08 * X.nbytes
        X = X.astype(np.float32)
        assert peak_of_fit(X, y) <= 0.13 * X.nbytes


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_arrays_that_come_and_go_are_not_mapped_anew():
    """In a process of its own: thresholds of glibc never fall again."""
    code = """
        import resource, numpy as np, sklearn_softmax

        def faults():
            return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

        def use():
            for array in [np.empty(1 << 18) for _ in range(4)]:
                array.fill(0.0)

        use()
        before = faults()
        for _ in range(10):
            use()
        print(faults() - before)
    """
    run = [sys.executable, "-c", inspect.cleandoc(code)]
    found = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    assert int(found) < 1000  # of 20,480 pages


@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ((30_000, 20, 5), {}),
        ((2000, 10, 4), {"solver": "newton"}),
        ((500, 8, 3), {"l1_ratio": 1.0}),
    ],
)
def test_what_was_fitted_with_is_gone_without_the_garbage_collector(monkeypatch, shape, options):
    """A float32 fit goes on in float64: what it leaves must not wait for a collection."""
    made, init = [], Objective.__init__

    def spy(self, *args, **kwargs):
        init(self, *args, **kwargs)
        made.append(weakref.ref(self))

    monkeypatch.setattr(Objective, "__init__", spy)
    X, y = draw(*shape)
    gc.collect()
    gc.disable()
    try:
        SoftmaxRegression(**options).fit(X.astype(np.float32), y)
        assert made
        assert [found for found in made if found() is not None] == []
    finally:
        gc.enable()
