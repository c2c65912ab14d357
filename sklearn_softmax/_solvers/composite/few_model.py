"""The quadratic model of few rows at a state, and its minima beside norms with a kink."""

import numpy as np

from .models import FullModel
from .pivots import Pivots
from .prox_newton import centring
from .quadratic import Quadratic

_SHARE = 0.8  # of its bound, from which a parameter that is zero may move
_EVERY, _MOST = 60, 1000  # parameters that all may move; that are solved for at once
_NEW = 100  # that may leave zero in a step
_ACCURACY = 1e-2  # of the minimum of a model
_SETTLED, _NEEDED = 1e-2, 0.95  # see `curvatures`
_CHEAP = 1 << 23  # operations of a Hessian that is made anew


class FewHessians:
    """Whole Hessians in the parameters that may move; the last one serves while steps settle.

    Parameters
    ----------
    loss : FewRows
        Makes them.
    """

    def __init__(self, loss):
        self._loss, self._every = loss, np.ones(loss.shape, bool)
        self._mask = self._matrix = None
        self.begin()

    def begin(self):
        """Another fit begins."""
        self._promises = np.inf, np.inf

    def promised(self, decrease):
        """Learn what the last model promised."""
        self._promises = self._promises[1], decrease

    @property
    def _settled(self):
        last, promise = self._promises
        return promise <= _SETTLED * last

    def at(self, state, penalty):
        """The model at a state for a penalty, and weaker ones; None where that has too much."""
        mask = self._every
        if mask.size > _EVERY:
            gradient = state.gradient + penalty.ridge * state.params
            mask = self._moving(penalty.pressure(state.params, gradient))
        classes, columns = mask.nonzero()
        if len(classes) > _MOST:
            return None
        return FewModel(self._matrix_of(state, mask, classes, columns), state, mask, columns)

    def _moving(self, pressure):
        """Mask of what may move: that of the last Hessian, where it serves."""
        last = self._mask
        if last is not None and self._settled and not np.any((pressure >= _NEEDED) & ~last):
            return last
        n_on = np.count_nonzero(pressure == np.inf)
        most, least = n_on + max(_NEW, n_on // 2), _SHARE
        if np.count_nonzero(pressure >= _SHARE) > most:
            least = np.partition(pressure, pressure.size - most, axis=None)[pressure.size - most]
        return pressure >= least

    def _matrix_of(self, state, mask, classes, columns):
        if len(classes) ** 2 * self._loss.n_rows <= _CHEAP:
            return self._loss.hessian(state, classes, columns)
        if mask is not self._mask or not self._settled:
            self._mask, self._matrix = mask, self._loss.hessian(state, classes, columns)
        return self._matrix.copy()


class FewModel:
    """A quadratic model of the loss.

    Parameters
    ----------
    matrix : ndarray of shape (n, n)
        Hessian of the loss, which is changed.
    state : State
        Where.
    mask : ndarray of bool, shape (n_outputs, width)
        The n parameters that may move.
    columns : ndarray of int, shape (n,)
        Of these.
    """

    def __init__(self, matrix, state, mask, columns):
        self._matrix, self._mask, self._columns = matrix, mask, columns
        self._diagonal = matrix.diagonal().copy()
        self._start, self._gradient = state.params[mask], state.gradient[mask]
        n_outputs, n_columns = mask.shape
        self._last = np.zeros(mask.shape, bool)
        self._last[-1] = n_outputs > 1
        self._last = self._last[mask]

    def _beside(self, ridge):
        """Matrix and gradient with a ridge."""
        ridge = ridge[self._columns]
        if np.any(ridge):
            np.einsum("ii->i", self._matrix)[:] = self._diagonal + ridge
        return self._matrix, self._gradient + ridge * self._start

    def _pins(self, free):
        """Class sums of free parameters stay."""
        return free[self._columns] & self._last

    def faces(self, stack):
        """Minima beside a stack of penalties, by block pivoting: see `Pivots.faces`."""
        norms, pins = stack.norm[:, self._columns], self._pins(stack.free[0])
        if not stack.has_ridge:
            return Pivots(self._matrix, self._start, self._gradient, pins).faces(norms)
        faces = []
        for norm, ridge in zip(norms, stack.ridge, strict=True):
            matrix, gradient = self._beside(ridge)
            found = Pivots(matrix, self._start, gradient, pins).faces(norm[None])
            if not found:
                break
            faces += found
        return faces

    def minimum(self, penalty):
        """The minimum, if need be by small steps, and the decrease of model and norm."""
        matrix, gradient = self._beside(penalty.ridge)
        part, shape = penalty.part(self._mask)
        model = FullModel(matrix, shape, self._pins(penalty.free).reshape(shape))
        start, slopes = self._start.reshape(shape), gradient.reshape(shape)
        quadratic = Quadratic(model, start, slopes, part, centring(penalty, self._mask, shape))
        found, decrease = quadratic.minimise(_ACCURACY)
        return self.whole(found.reshape(1, -1))[:, 0], decrease

    def whole(self, found):
        """A stack of all parameters, from those that may move, shape (n_found, n)."""
        n_outputs, width = self._mask.shape
        whole = np.zeros((n_outputs, len(found), width))
        whole.transpose(1, 0, 2)[:, self._mask] = found
        return whole

    def part(self, stack):
        """The parameters that may move, of a stack."""
        return stack.transpose(1, 0, 2)[:, self._mask]
