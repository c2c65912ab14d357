"""Threads: any number gives the same bits; limits of BLAS are put back; nothing locks up (R14)."""

import concurrent.futures
import functools
import multiprocessing
import os
import subprocess
import sys
import threading
import warnings

import joblib
import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_info, threadpool_limits

from sklearn_softmax import SoftmaxRegression
from sklearn_softmax._core.threads import Threads
from sklearn_softmax._kept import kept
from sklearn_softmax._solvers import SOLVERS

N_FITS = 8


@functools.lru_cache  # no product of the test's own must hold a lock of BLAS at a fork
def draw(n=20_000, p=6, n_classes=4, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) * np.logspace(-1, 1, p)
    logits = X @ rng.standard_normal((p, n_classes))
    return X, np.argmax(logits + rng.gumbel(size=logits.shape), axis=1)


def fitted_bits(number=0, solver="lbfgs", dtype=np.float64):
    """All numbers of a fit and its predictions, as bytes. `number` only tells calls apart."""
    X, y = draw(n=60_000 if dtype is np.float32 else 20_000)
    X = X.astype(dtype)
    model = SoftmaxRegression(solver=solver).fit(X, y)
    parts = model.coef_, model.intercept_, model.loss_, model.dual_gap_, model.predict_proba(X)
    return b"".join(np.asarray(part).tobytes() for part in parts)


def blas_limits():
    return [
        library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"
    ]


@pytest.fixture
def limits_stay():
    before = blas_limits()
    yield
    assert blas_limits() == before


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.usefixtures("limits_stay")
def test_R14_number_of_threads_changes_no_bit(solver, dtype):
    found = []
    for count in (1, 2, 3):
        with threadpool_limits(count, user_api="blas"):
            found.append(fitted_bits(solver=solver, dtype=dtype))
    assert found[0] == found[1] == found[2]


@pytest.mark.usefixtures("limits_stay")
def test_R14_many_fits_at_once_in_threads():
    expected = fitted_bits()
    with concurrent.futures.ThreadPoolExecutor(N_FITS) as pool:
        found = list(pool.map(fitted_bits, range(N_FITS)))
    assert found == [expected] * N_FITS


@pytest.mark.parametrize("backend", ["loky", "threading", "multiprocessing"])
@pytest.mark.usefixtures("limits_stay")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of joblib's own, and of forks
def test_R14_inside_joblib(backend):
    expected = fitted_bits()
    jobs = (joblib.delayed(fitted_bits)(number) for number in range(3))
    with joblib.Parallel(n_jobs=2, backend=backend, timeout=60) as parallel:
        found = parallel(jobs)
    assert found == [expected] * 3


def _child(connection):
    connection.send(fitted_bits())
    connection.close()


fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
quiet = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


@fork
@quiet
@pytest.mark.usefixtures("limits_stay")
def test_R14_in_a_forked_child_after_a_fit_in_the_parent():
    expected = fitted_bits()
    assert [_in_fork() for _ in range(2)] == [expected] * 2


@fork
@quiet
@pytest.mark.usefixtures("limits_stay")
def test_R14_in_a_child_forked_in_the_middle_of_a_fit():
    """The parent's threads and locks do not live on in the child."""
    expected = fitted_bits()
    stop = threading.Event()

    def keep_fitting():
        while not stop.is_set():
            fitted_bits()

    thread = threading.Thread(target=keep_fitting)
    thread.start()
    try:
        assert [_in_fork() for _ in range(3)] == [expected] * 3
    finally:
        stop.set()
        thread.join()


def _in_fork():
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    child = context.Process(target=_child, args=(there,))
    child.start()
    there.close()
    try:
        assert here.poll(60), "the child is locked up"
        return here.recv()
    finally:
        child.kill()
        child.join()


# The room itself.


def test_blas_is_held_to_one_thread_in_any_thread_of_python():
    def inside():
        with Threads():
            return blas_limits()

    before = blas_limits()
    for _ in range(2):  # the main thread was first, and the other may not be the one that sets
        assert set(inside()) <= {1}
        with concurrent.futures.ThreadPoolExecutor(1) as other:
            assert set(other.submit(inside).result()) <= {1}
            assert other.submit(blas_limits).result() == before
    assert blas_limits() == before


def run_at(count, task, items):
    threads = Threads()
    threads.count = count
    threads.for_each(task, items)


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("n_items", [0, 1, 2, 50])
def test_every_item_is_visited_once(count, n_items):
    seen = []
    run_at(count, seen.append, range(n_items))
    assert sorted(seen) == list(range(n_items))


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("number", [0, 7, 29])
@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_error_of_a_task_reaches_the_caller_and_ends_the_rest(count, number, error):
    done = []

    def task(item):
        if item == number:
            raise error
        done.append(item)

    with pytest.raises(error):
        run_at(count, task, range(30))
    n_done = len(done)
    run_at(count, done.append, range(30))
    assert len(done) == n_done + 30


@pytest.mark.usefixtures("limits_stay")
def test_limits_are_taken_down_and_put_back_however_contexts_overlap():
    with threadpool_limits(3, user_api="blas"):
        allowed = blas_limits()
        first, second = Threads(), Threads()
        with pytest.raises(ZeroDivisionError), first:
            raise ZeroDivisionError
        assert blas_limits() == allowed
        first.__enter__()
        assert first.count == min(allowed)
        second.__enter__()
        assert second.count <= first.count
        first.__exit__(None, None, None)
        assert set(blas_limits()) == {1}
        second.__exit__(None, None, None)
        assert blas_limits() == allowed
        assert first.count == second.count == 1


@pytest.mark.usefixtures("limits_stay")
def test_limits_are_put_back_after_an_error_in_fit(monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setitem(SOLVERS, "auto", interrupted)
    with pytest.raises(KeyboardInterrupt):
        SoftmaxRegression().fit(*draw(100))


@pytest.mark.skipif(sys.platform == "win32", reason="signals differ")
def test_interrupt_in_the_middle_of_a_fit():
    """Ctrl-C at any moment: the fit ends at once, and the next one works.

    Python loses an interrupt that meets a destructor; then another comes after a while.
    """
    script = (
        "import _thread, faulthandler, signal, threading\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # shells may ignore it
        "faulthandler.dump_traceback_later(45, exit=True)\n"  # tells where it hangs, if it does
        "from test_threads import draw, fitted_bits, SoftmaxRegression\n"
        "expected, caught = fitted_bits(), 0\n"
        "X, y = draw(200_000)\n"
        "def interrupt(delay, done):\n"
        "    while not done.wait(delay):\n"
        "        _thread.interrupt_main()\n"
        "        delay = 5.0\n"
        "for delay in (0.01, 0.03, 0.06):\n"
        "    done = threading.Event()\n"
        "    try:\n"
        "        threading.Thread(target=interrupt, args=(delay, done)).start()\n"
        "        while True:\n"
        "            SoftmaxRegression(tol=1e-10, solver='lbfgs').fit(X, y)\n"
        "    except KeyboardInterrupt:\n"
        "        done.set()\n"
        "        caught += 1\n"
        "assert caught == 3 and fitted_bits() == expected\n"
    )
    here = os.path.dirname(__file__)
    paths = os.pathsep.join([here, os.path.dirname(here), *filter(None, sys.path)])
    environment = {**os.environ, "PYTHONPATH": paths}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, timeout=60, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "options", [{}, {"l1_ratio": 0.5}, {"penalty": "group", "l1_ratio": 0.5}, {"C": 1e20}]
)
@pytest.mark.parametrize("scale", [1.0, 1e91])
def test_floating_point_errors_are_nobodys_business(options, scale):
    """Steps may overflow and probabilities underflow, in whatever mode users run numpy."""
    X, y = load_digits(return_X_y=True)
    with np.errstate(over="raise", under="raise", invalid="raise", divide="raise"):
        asked = np.geterr()
        model = SoftmaxRegression(fit_intercept=False, max_iter=5, **options)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(scale * X[:80], y[:80])
        assert np.all(np.isfinite(model.predict_proba(scale * X)))
        assert np.geterr() == asked


def test_what_is_kept_is_made_once_for_each_and_holds_no_other_up():
    together, made = threading.Barrier(2, timeout=30.0), []

    class Each:
        @kept
        def value(self):
            """What it is."""
            together.wait()  # for the other one, that is being made in another thread
            made.append(self)
            return len(made)

    both = Each(), Each()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda each: each.value, both))
    assert sorted(found) == [1, 2]
    assert [each.value for each in both] == found
    assert Each.value.__doc__ == "What it is."
