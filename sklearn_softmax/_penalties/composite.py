"""What penalties with a norm and a ridge have in common.

A penalty is Σ_j a_j ‖θ_:j‖ + ½ b_j ‖θ_:j‖², with a column of parameters for each feature and
one for the intercept, whose a and b are 0. The norm has a kink at 0: that is why columns, or
parts of them, are exactly zero at the optimum.
"""

from abc import ABC, abstractmethod

import numpy as np

from .._kept import kept
from .ridge import Ridge


class Composite(ABC):
    """Norm and ridge, a weight of each for every column.

    Parameters and their gradients have shape (n_outputs, width) here. A stack of penalties, whose
    a and b have an axis more, takes those of shape (n_outputs, n_penalties, width), and gives
    values and `fenchel` of each.

    Parameters
    ----------
    norm, ridge : ndarray of shape (width,)
        a and b, not negative.

    Attributes
    ----------
    free : ndarray of bool, shape (width,)
        Columns that are not penalised.
    straight : bool
        Whether the norm is made of straight lines.
    has_ridge : bool
        Whether any b is not zero.
    """

    straight = False

    def __init__(self, norm, ridge):
        self.norm, self.ridge = norm, ridge

    @kept
    def free(self):
        """Columns that are not penalised."""
        return (self.norm == 0.0) & (self.ridge == 0.0)

    @kept
    def has_ridge(self):
        """Whether any b is not zero."""
        return bool(self.ridge.any())

    @classmethod
    def of(cls, n_outputs, norm, ridge):
        """The penalty of so many outputs."""
        return cls(norm, ridge)

    @classmethod
    def stack(cls, penalties):
        """Penalties of the same kind and width as one."""
        norms, ridges = ([getattr(one, name) for one in penalties] for name in ("norm", "ridge"))
        return cls(np.array(norms), np.array(ridges))

    def one(self, number):
        """One penalty of a stack."""
        return type(self)(self.norm[number], self.ridge[number])

    def smooth(self, n_outputs):
        """The ridge, with a weight for each parameter."""
        return Ridge(np.tile(self.ridge, n_outputs))

    def restricted(self, columns):
        """The penalty of some columns."""
        return type(self)(self.norm[columns], self.ridge[columns])

    def scaled(self, factor):
        """The penalty with its norm, not its ridge, multiplied."""
        return type(self)(factor * self.norm, self.ridge)

    def heated(self, temperature):
        """R(Tφ)/T at a temperature T: the norm stays, the ridge grows."""
        return type(self)(self.norm, temperature * self.ridge)

    def pressure(self, params, gradient):
        """How hard each parameter that is zero presses against its bound, which is 1.

        inf for parameters that are not zero, and where the norm has no weight.
        """
        sizes = self._sizes(gradient)
        norm = np.broadcast_to(self.norm, sizes.shape)
        pressure = np.divide(sizes, norm, out=np.full(sizes.shape, np.inf), where=norm > 0.0)
        return np.where(self.smooth_at(params), np.inf, pressure)

    def _without_mean(self, params, columns):
        """Parameters whose class sum is zero in some columns: there their norm is least."""
        params = params.copy()
        params[:, columns] -= params[:, columns].mean(axis=0)
        return params

    def _ridge_gap(self, params, dual):
        """The ridge's part of `fenchel`, Σ ½b(θ - v/b)², for v that the norm has left."""
        if not self.has_ridge:
            return 0.0
        held = self.ridge > 0.0
        best = np.divide(dual, self.ridge, out=np.zeros_like(dual), where=held)
        return 0.5 * np.sum(self.ridge * (params - best) ** 2, axis=(0, -1))

    def whole(self, params):
        """Σ a ‖θ‖ + ½ b ‖θ‖²."""
        norm = self.value(params)
        if not self.has_ridge:
            return norm
        return norm + 0.5 * np.sum(self.ridge * params * params, axis=(0, -1))

    @abstractmethod
    def value(self, params):
        """Σ a ‖θ‖, without the ridge."""

    @abstractmethod
    def slope(self, params):
        """Gradient of the norm; 0 at its kink."""

    @abstractmethod
    def bend(self, params):
        """Curvature of the norm: its diagonal d, and u or None: diag(d) - uu' in each column."""

    @abstractmethod
    def metric(self, curvature):
        """The least diagonal metric above a curvature in which `shrink` is exact."""

    @abstractmethod
    def shrink(self, params, metric):
        """Proximal operator: argmin_x ½ Σ h (x - params)² + Σ a ‖x‖."""

    @abstractmethod
    def _sizes(self, dual):
        """What is compared with the bound of each parameter."""

    @abstractmethod
    def size(self, dual):
        """What must be at most a in each column of v, lest 0 be no solution there."""

    @abstractmethod
    def fenchel(self, params, dual):
        """R(θ) + R*(v) - θ'v ≥ 0, of norm and ridge, as a sum of terms that are not negative.

        Where b is 0 the size of v must be at most a.
        """

    @abstractmethod
    def part(self, mask):
        """The penalty of the parameters in a mask, and the shape that they take.

        All parameters that have the same pressure by their nature are in the mask, or none.
        """

    @abstractmethod
    def smooth_at(self, params):
        """Mask of parameters that can move without a kink."""

    @abstractmethod
    def stopped(self, params, start):
        """`params`, but zero where the way from `start` leads across the kink."""

    @abstractmethod
    def along(self, params, direction, slope, curvature):
        """Minimise ``slope t + ½ curvature t² + value(params + t direction)`` over 0 ≤ t ≤ 1.

        Returns
        -------
        list of ndarray
            The parameters there, zero where they lie at the kink; or several guesses of that.
        """

    def ties(self, params):
        """Whether another class sum of a column may be as good: one answer, or that of each."""
        return np.zeros(params.shape[1:-1], bool)[()]

    @abstractmethod
    def centred(self, params):
        """The class sum of each column, which the loss does not see, where R is least."""
