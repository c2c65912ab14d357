"""A metric that never vanishes, for points where the Hessian does."""

import numpy as np

from .metric import KroneckerMetric


class EvenSchedule:
    """The Hessian where all classes are equally likely, kept for the whole fit.

    Where all rows are sure of their classes, wrong ones among them, the loss is as good as linear:
    its Hessian is rounding, and nothing bounds a step in parameters without penalty. Up to a
    factor this is the bound of all Hessians (Böhning, 1992, Annals of the Institute of
    Statistical Mathematics 44, "Multinomial logistic regression algorithm").

    Parameters
    ----------
    objective : Objective
        Of which the Hessian is, with a map that has `rows`.
    """

    def __init__(self, objective):
        shape = n_outputs, _ = objective.map.shape
        n_classes = max(2, n_outputs)
        even = np.full(n_classes, 1.0 / n_classes)
        ridge, for_each = objective.penalty.curvature.reshape(shape)[0], objective.threads.for_each
        self._metric = KroneckerMetric(even, objective.gram(), ridge, shape, for_each)

    def first(self, point):
        """The metric."""
        return self._metric

    renew = first

    def after(self, point, step, metric):
        """The metric."""
        return self._metric
