"""Sparse data most of whose columns are empty: a hashed vocabulary, or few rows of a large one.

A feature that is zero in all rows changes no logit. A penalty holds its coefficients at zero, and
without one zero is as good as any: fits need not know of it.
"""

import numpy as np
from scipy import sparse


def used_columns(X, n_outputs):
    """Numbers of the columns with entries; None where leaving out the others does not pay.

    It takes a copy of the indices of X, and spares dozens of arrays of the size of the others'
    coefficients.
    """
    if not sparse.issparse(X):
        return None
    used = np.zeros(X.shape[1], bool)
    used[X.indices] = True
    n_empty = X.shape[1] - np.count_nonzero(used)
    pays = 8 * n_empty * n_outputs > X.indices.nbytes and n_empty < X.shape[1]
    return np.flatnonzero(used) if pays else None


def restrict(X, columns):
    """CSR X of its used columns; the numbers are shared."""
    places = np.empty(X.shape[1], X.indices.dtype)
    places[columns] = np.arange(len(columns))
    part = type(X)((X.shape[0], len(columns)), dtype=X.dtype)
    part.data, part.indices, part.indptr = X.data, places[X.indices], X.indptr
    return part


class UsedColumns:
    """Fits to the columns that have entries, told in terms of all of them.

    Parameters
    ----------
    fits : RidgeFits or CompositeFits
        To those columns.
    columns : ndarray of intp
        Their numbers.
    n_features : int
        The number of all columns.
    """

    def __init__(self, fits, columns, n_features):
        self._fits, self._columns, self._n_features = fits, columns, n_features
        self._last = None, None  # coefficients of all columns, and those that were fitted

    def observe(self, observer):
        """Call an observer after each iteration: see `RidgeFits.observe`."""
        if observer is None:
            return self._fits.observe(None)

        def told(found):
            def coefficients():
                coef, intercept = found()
                return self._whole(coef), intercept

            return observer(coefficients)

        self._fits.observe(told)

    def fit(self, C, start, **options):
        """Coefficients at one C: see `RidgeFits.fit`."""
        if start is not None:
            coef, intercept = start
            whole, part = self._last
            start = part if coef is whole else coef[:, self._columns], intercept
        part, intercept, result = self._fits.fit(C, start, **options)
        self._last = self._whole(part), part
        return self._last[0], intercept, result

    def _whole(self, part):
        coef = np.zeros((len(part), self._n_features), part.dtype)
        coef[:, self._columns] = part
        return coef
