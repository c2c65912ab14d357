"""What folds take from the fits of all rows, which lie near."""

from .near_batch import NearBatch, batch_pays
from .near_fits import NearRidge, NearStarts


def neighbours(rows, whole, fits, folds):
    """What folds take from the fits of all rows, for each shrinkage of the grid.

    Parameters
    ----------
    rows : Rows
        All of them.
    whole : Problem
        The same.
    fits : list of Fit
        At all points of the grid.
    folds : list of (train, test)
        Row numbers.

    Returns
    -------
    list
        With ``fits(fold, threads)``, which yields the fits of a fold at each C.
    """
    grid, found = whole.grid, []
    by_fold = isinstance(grid.class_weight, str)  # factors that make other distributions
    alike = not (by_fold and (rows.are_tables or grid.label_smoothing))
    for number, shrinkage in enumerate(grid.shrinkages):
        part = fits[number * len(grid.Cs) : (number + 1) * len(grid.Cs)]
        near = NearStarts(shrinkage, part)
        if not shrinkage.has_norm:
            shared = NearRidge(rows, whole, near)
            if alike and batch_pays(shared, len(folds)):
                shared = NearBatch(shared, rows, folds)
            near = shared if shared.sound else near
        found.append(near)
    return found
