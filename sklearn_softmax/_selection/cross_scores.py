"""Scores of held-out rows, by folds or by leaving out each row."""

import warnings

import numpy as np
from sklearn.model_selection import check_cv

from .fold_scores import score_folds
from .loo_scores import score_rows
from .neighbours import neighbours


def read_folds(cv, rows, params):
    """Numbers of the rows of each (train, test); None for leave-one-out.

    Tables are split like labels: by the most probable class, so that a table that is sure of its
    classes has the folds of its labels.

    Raises
    ------
    ValueError
        If the splitter gives no fold, or cannot split the rows.
    """
    if isinstance(cv, str):
        return None
    y, numbers = rows.labels(), np.arange(len(rows))
    split = check_cv(cv, y, classifier=True).split(rows.X, y, **params)
    found = [(numbers[train], numbers[test]) for train, test in split]
    if not found:
        raise ValueError("cv must give at least one fold; got none.")
    return found


def cross_scores(folds, rows, whole, fits, measure, n_jobs, done):
    """Scores of folds or rows.

    Parameters
    ----------
    folds : list of (train, test) or None
        Row numbers; None for leave-one-out.
    rows : Rows
        All of them.
    whole : Problem
        The same.
    fits : list of Fit
        Its fits.
    measure : LogLoss or Scorer
        Scores a fit.
    n_jobs : int or None
        Folds at the same time.
    done : callable
        Called after each fold, where they are fitted one after the other; else after all.

    Returns
    -------
    scores : ndarray of shape (n_parts, n_shrinkages, n_Cs)
    weights : ndarray of shape (n_parts,)
        Of the folds or rows in the mean.
    results : list of Result
        Of all fits to folds.
    """
    if folds is None:
        return *score_rows(whole, rows, fits), []
    near = neighbours(rows, whole, fits, folds)
    parts = score_folds(whole, rows, folds, near, measure, n_jobs, done)
    n_unknown = sum(part.n_unknown for part in parts)
    if n_unknown:
        warnings.warn(
            f"{n_unknown} held-out rows are left out of the scores, tables in part: the training "
            "rows of their fold have no row of their class.",
            stacklevel=3,
        )
    scores = np.array([part.scores for part in parts])
    results = [result for part in parts for result in part.results]
    return scores, np.array([part.weight for part in parts]), results
