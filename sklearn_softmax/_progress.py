"""scikit-learn's callbacks, where it has them (1.9): iterations as tasks of a fit.

Of `CallbackSupportMixin` the documented hook for implementers, `_init_callback_context`, is
used, and `_skl_callbacks`, where the mixin and `clone` hold the callbacks: without any, nothing
is done. Solvers know an observer of parameters at most; see `Stopping`.
"""

from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # before 1.9

    class CallbackSupportMixin:
        """No callbacks in this version of scikit-learn."""

    def with_callbacks(method):
        """The method itself."""
        return method


class Progress:
    """Tasks of a fit, one after the other, told to the callbacks of an estimator.

    Parameters
    ----------
    estimator : estimator
        With `CallbackSupportMixin`; the method that fits it is decorated ``@with_callbacks``.
    X, y, metadata
        What it is fitted to, for callbacks that ask; `metadata` holds keyword arguments of
        scorers, those that are None left out. No scorer knows an offset: the estimators that
        callbacks are shown do, of these rows.
    most : int
        The largest number of tasks.
    task : str
        Their name.
    """

    def __init__(self, estimator, X, y, metadata, *, most, task="iteration"):
        self._estimator, self._task, self._running = estimator, task, None
        metadata = {name: value for name, value in metadata.items() if value is not None}
        offset = metadata.pop("offset", None)
        self._data = {"estimator": estimator, "X": X, "y": y, "metadata": metadata or None}
        self._known = {} if offset is None else {"_known_offset": (X, offset)}
        self._names = self._known | _names(estimator, X)
        self._root = estimator._init_callback_context(max_subtasks=most + 1)
        self._root.call_on_fit_task_begin(**self._data)
        self._begin()

    def _begin(self):
        self._running = self._root.subcontext(task_name=self._task)
        self._running.call_on_fit_task_begin(**self._data)

    def done(self, fitted=None):
        """A task has ended, and the next one begins.

        Parameters
        ----------
        fitted : callable or None
            Returns the attributes that a fit would have that ended here; called where a callback
            asks for a fitted estimator. None where the task left none.

        Returns
        -------
        stop : bool
            Whether a callback wants the fit to stop.
        """
        ended = {"estimator": self._estimator}
        if fitted is not None:
            ended = self._data | {"reconstruction_attributes": lambda: self._names | fitted()}
        stop = self._running.call_on_fit_task_end(**ended)
        self._begin()
        return stop

    def observer(self, fitted):
        """What a fit calls with coefficients; ``fitted(coef, intercept)`` are attributes.

        Returns
        -------
        callable
            ``observer(coefficients) -> stop`` for ``coefficients() -> coef, intercept``.
        """
        return lambda coefficients: self.done(lambda: fitted(*coefficients()))

    def end(self):
        """The estimator is fitted. The task that was begun last turned out to be empty."""
        self._running.call_on_fit_task_end(estimator=self._estimator)
        self._root.call_on_fit_task_end(**self._data, reconstruction_attributes=self._known)


class NoProgress:
    """What `Progress` is to an estimator without callbacks."""

    @staticmethod
    def done(fitted=None):
        """Nothing happens, and nothing stops."""
        return False

    @staticmethod
    def observer(fitted):
        """No observer."""

    @staticmethod
    def end():
        """Nothing happens."""


def start_progress(estimator, X, y, metadata, **options):
    """`Progress` where the estimator has callbacks, else `NoProgress`."""
    if not getattr(estimator, "_skl_callbacks", None):
        return NoProgress
    return Progress(estimator, X, y, metadata, **options)


def _names(estimator, X):
    """Attributes that tell number and names of features."""
    probe = BaseEstimator()
    validate_data(probe, X, skip_check_array=True)
    without = {"feature_names_in_": None} if hasattr(estimator, "feature_names_in_") else {}
    return without | vars(probe)
