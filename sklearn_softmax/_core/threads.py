"""Threads over independent tasks, with BLAS held to one thread inside each.

The number of threads is what BLAS is allowed at the moment, so that `OMP_NUM_THREADS`,
`threadpool_limits` and joblib's workers are obeyed.
"""

import os
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor, wait

import numpy as np
from threadpoolctl import ThreadpoolController

_UNHEARD = {"over": "ignore", "under": "ignore", "invalid": "ignore"}


class _BlasLibraries:
    """The BLAS libraries of this process; their limit is shared by all threads of Python.

    Fits may overlap in several threads: the first one in takes the limit down, the last one
    out puts it back. A nested `threadpool_limits` per fit would restore them out of order.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._users = 0
        self._allowed = []
        self._libraries = None

    def _find(self):
        if self._libraries is None:
            controller = ThreadpoolController().select(user_api="blas")
            self._libraries = controller.lib_controllers
        return self._libraries

    def enter(self):
        """Hold BLAS to one thread; return the number of threads that this caller may use."""
        with self._lock:
            if self._users == 0:
                self._allowed = [library.get_num_threads() or 1 for library in self._find()]
                for library in self._libraries:
                    _limit(library, 1)
            self._users += 1
            allowed = min(self._allowed) if self._allowed else os.cpu_count() or 1
            return max(1, allowed // self._users)

    def leave(self):
        """Give the limit back when the last caller leaves."""
        with self._lock:
            self._users -= 1
            if self._users == 0:
                for library, count in zip(self._libraries, self._allowed, strict=True):
                    _limit(library, count)

    def hold_worker(self):
        """Hold a worker thread: OpenMP keeps its limit per thread, pthreads per process."""
        for library in self._libraries or ():
            if getattr(library, "threading_layer", None) == "openmp":
                _limit(library, 1)


def _limit(library, count):
    """Set the number of threads of a BLAS library, whichever thread of Python asks.

    threadpoolctl 3.7 and newer listen to one thread only until that lets go; here a lock stands
    for it.
    """
    if library.get_num_threads() == count:
        return
    let_go = getattr(library, "clear_controlling_thread", None)
    if let_go is not None:
        let_go(force=True)
    library.set_num_threads(count)
    if let_go is not None:
        let_go()


class Threads:
    """Context in which BLAS has one thread and `map` runs tasks on several.

    Nothing is said of overflow there, whatever `numpy.seterr` asks for: steps that go too far are
    tried and taken back.

    Attributes
    ----------
    count : int
        The number of threads that `for_each` uses, the calling one included; 1 outside of
        the context.
    """

    def __init__(self):
        self.count = 1

    def __enter__(self):
        self.count = _blas.enter()
        self._errors = np.errstate(**_UNHEARD)
        self._errors.__enter__()
        return self

    def __exit__(self, *exception):
        self.count = 1
        self._errors.__exit__(*exception)
        _blas.leave()

    def for_each(self, task, items, shared=True):
        """Call ``task(item)`` for every item, in any order; the caller works along.

        Unless they are `shared` it does so alone.
        """
        waiting = deque(items)

        def drain():
            while waiting:
                try:
                    item = waiting.popleft()
                except IndexError:
                    return
                task(item)

        helpers = min(self.count, len(waiting)) - 1 if shared else 0
        if helpers < 1:
            return drain()
        futures = [_executor().submit(_unheard, drain) for _ in range(helpers)]
        try:
            drain()
        finally:
            waiting.clear()
            started = [future for future in futures if not future.cancel()]
            wait(started)
        for future in started:
            future.result()


def _unheard(function):
    with np.errstate(**_UNHEARD):
        function()


def _executor():
    global _pool
    with _pool_lock:
        if _pool is None:
            workers = max(1, (os.cpu_count() or 1) - 1)  # and the caller, who has work memory, too
            _pool = ThreadPoolExecutor(workers, "sklearn_softmax", initializer=_blas.hold_worker)
        return _pool


def _start_afresh():
    """Forget threads and locks of the parent: they do not live on in a forked child."""
    global _pool, _pool_lock, _blas
    _pool, _pool_lock = None, threading.Lock()
    held, _blas = _blas, _BlasLibraries()
    if held._users:
        for library, count in zip(held._libraries, held._allowed, strict=True):
            _limit(library, count)


_pool, _pool_lock, _blas = None, threading.Lock(), _BlasLibraries()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_afresh)
