"""Scores of held-out rows, fold by fold, on a grid of penalties."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from joblib import effective_n_jobs
from scipy import sparse
from sklearn.utils.parallel import Parallel, delayed

from .._calibration.cross_fitting import take
from .._core import predict
from .._core.threads import Threads
from .._maps.design import DenseDesign, SparseDesign
from .._regression import SoftmaxRegression


class FoldScores(NamedTuple):
    """What one fold found.

    Attributes
    ----------
    scores : ndarray, shape of the grid
        The greater, the better.
    weight : float
        Of the fold in the mean.
    results : list of Result
        Of its fits.
    n_unknown : int
        Rows left out, or in part, as a class of theirs had no row to learn from.
    """

    scores: np.ndarray
    weight: float
    results: list
    n_unknown: int


@dataclass(frozen=True)
class LogLoss:
    """Minus the mean cross-entropy of held-out rows; folds weigh what their rows weigh."""

    def weight(self, rows):
        """Of a fold with these test rows."""
        return float(len(rows) if rows.weights is None else np.add.reduce(rows.weights))

    def scores(self, fits, Cs, rows, numbers):
        """Of fits, from their logits."""
        make = SparseDesign if sparse.issparse(rows.X) else DenseDesign
        design, target = make(rows.X, len(fits[0].coef)), rows.target(np.arange(len(rows.classes)))
        params = [np.column_stack([fit.coef, fit.intercept]) for fit in fits]
        with Threads() as threads:
            return -predict.mean_losses(design, params, target, rows.weights, threads)


class _FittedElsewhere(SoftmaxRegression):
    """A model that knows the offset of the rows that a scorer shows it."""

    def _shifted_map(self, X, offset):
        return super()._shifted_map(X, self.offset_ if offset is None else offset)


@dataclass(frozen=True)
class Scorer:
    """A scorer of scikit-learn; folds weigh the same.

    Attributes
    ----------
    function : callable
        ``function(estimator, X, y, **params)``.
    params : dict
        Those with an entry for each row are cut like the rows.
    n_rows : int
        Of all data.
    """

    function: Any
    params: dict
    n_rows: int

    def weight(self, rows):
        """Of a fold with these test rows."""
        return 1.0

    def scores(self, fits, Cs, rows, numbers):
        """Of fits, as estimators."""
        return [self._score(fit, C, rows, numbers) for fit, C in zip(fits, Cs, strict=True)]

    def _score(self, fit, C, rows, numbers):
        model = _FittedElsewhere(C)
        model.offset_ = None if rows.offset is None else rows.offset.T
        model.classes_, model.n_features_in_ = rows.classes, rows.X.shape[1]
        model.coef_, model.intercept_ = fit.coef, fit.intercept
        params = {name: self._cut(value, numbers) for name, value in self.params.items()}
        score = self.function(model, rows.X, rows.labels(), **params)
        if not np.isfinite(score):
            raise ValueError(f"scoring must give finite numbers; got {score!r} at C={C:g}.")
        return float(score)

    def _cut(self, value, numbers):
        shape = getattr(value, "shape", (len(value),) if isinstance(value, (list, tuple)) else ())
        return take(value, numbers) if shape[:1] == (self.n_rows,) else value


def score_folds(whole, rows, folds, near, measure, n_jobs, done):
    """Scores of all folds.

    Parameters
    ----------
    whole : Problem
        All rows.
    rows : Rows
        The same.
    folds : list of (train, test)
        Row numbers.
    near : list
        What folds take from the fits of all rows: see `neighbours`.
    measure : LogLoss or Scorer
        Scores a fit.
    n_jobs : int or None
        Folds at the same time, in threads: most of the time is spent in NumPy, and nothing has
        to be copied.
    done : callable
        Called after each fold, where they are fitted one after the other; else after all.

    Returns
    -------
    list of FoldScores
    """
    tasks = [_Fold(number, *rows_of) for number, rows_of in enumerate(folds)]
    if effective_n_jobs(n_jobs) == 1:
        found = []
        for fold in tasks:
            found.append(_score_fold(fold, whole, rows, near, measure))
            done()
        return found
    parallel = Parallel(n_jobs=n_jobs, require="sharedmem")
    found = parallel(delayed(_score_fold)(fold, whole, rows, near, measure) for fold in tasks)
    for _ in tasks:
        done()
    return found


class _Fold(NamedTuple):
    number: int
    train: np.ndarray
    test: np.ndarray


def _score_fold(fold, whole, rows, near, measure):
    grid, held = whole.grid, rows.take(fold.test)
    try:
        problem = grid.problem(rows, fold.train, fold.number)
    except ValueError as error:
        raise ValueError(
            f"The training rows of fold {fold.number} cannot be used: {error}"
        ) from None
    test = held.seen(problem.data.present)
    numbers = test.weighted()
    if not len(numbers):
        raise ValueError(
            "Each fold must hold out a row of positive weight whose class is among its training "
            f"rows; fold {fold.number} has none."
        )
    fits = problem.fits_near(near)
    test = test if len(numbers) == len(test) else test.take(numbers)
    Cs = np.tile(grid.Cs, len(grid.shrinkages))
    numbers = fold.test[numbers]
    scores = measure.scores(fits, Cs, test, numbers)
    missing = np.setdiff1d(whole.data.present, problem.data.present)
    return FoldScores(
        np.reshape(scores, grid.shape),
        measure.weight(test),
        [fit.result for fit in fits],
        len(held.seen(missing).weighted()) if len(missing) else 0,
    )
