"""The quadratic model of few rows at a state, and its minima beside norms with a kink."""

from dataclasses import dataclass

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
_NUMBERS = 1 << 15  # logits of steps that are taken at once
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

    def at(self, state, penalty, *, renew=False):
        """The model at a state for a penalty; None where that has too many parameters.

        With a Hessian of this very state, if that is to be renewed.
        """
        if renew:
            self._mask = None
        mask = self._every
        if mask.size > _EVERY:
            gradient = state.gradient + penalty.ridge * state.params
            mask = self._moving(penalty.pressure(state.params, gradient))
        classes, columns = mask.nonzero()
        if len(classes) > _MOST:
            return None
        matrix = self._matrix_of(state, mask, classes, columns)
        return FewModel(self._loss, state, matrix, mask, columns)

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


@dataclass(slots=True)
class End:
    """Where the step to the minimum of a model beside a penalty ends, and the gap there."""

    penalty: object
    state: object
    value: float
    gap: float


class FewModel:
    """A quadratic model of the loss.

    Parameters
    ----------
    loss : FewRows
        The loss.
    state : State
        Where.
    matrix : ndarray of shape (n, n)
        Its Hessian, which is changed.
    mask : ndarray of bool, shape (n_outputs, width)
        The n parameters that may move.
    columns : ndarray of int, shape (n,)
        Of these.
    """

    def __init__(self, loss, state, matrix, mask, columns):
        self._loss, self._state, self._matrix = loss, state, matrix
        self._mask, self._columns = mask, columns
        self._diagonal = matrix.diagonal().copy()
        self._start, self._gradient = state.params[mask], state.gradient[mask]
        last = np.zeros(mask.shape, bool)
        last[-1] = len(mask) > 1
        self._last = last[mask]

    @property
    def size(self):
        """How many parameters may move."""
        return len(self._start)

    def damp(self, damping):
        """Add to the diagonal."""
        self._diagonal += damping
        np.einsum("ii->i", self._matrix)[:] = self._diagonal

    def _beside(self, ridge):
        """Matrix and gradient with a ridge."""
        ridge = ridge[self._columns]
        if ridge.any():
            np.einsum("ii->i", self._matrix)[:] = self._diagonal + ridge
        return self._matrix, self._gradient + ridge * self._start

    def _pins(self, free):
        """Class sums of free parameters stay."""
        return free[self._columns] & self._last

    def faces(self, stack):
        """Minima beside a stack of penalties, by block pivoting: see `Pivots.faces`."""
        norms, pins = stack.norm[:, self._columns], self._pins(stack.free[0])
        if not stack.has_ridge:
            centre = self._centring(stack.one(0))
            return Pivots(self._matrix, self._start, self._gradient, pins, centre).faces(norms)
        faces = []
        for norm, ridge in zip(norms, stack.ridge, strict=True):
            matrix, gradient = self._beside(ridge)
            found = Pivots(matrix, self._start, gradient, pins, None).faces(norm[None])
            if not found:
                break
            faces += found
        return faces

    def _centring(self, penalty):
        return centring(penalty, self._mask, self._start.shape)

    def minimum(self, penalty):
        """The minimum, if need be by small steps, and the decrease of model and norm."""
        matrix, gradient = self._beside(penalty.ridge)
        part, shape = penalty.part(self._mask)
        pins = self._pins(penalty.free).reshape(shape)
        value = self._state.value + penalty.whole(self._state.params)
        model = FullModel(matrix, shape, pins, value)
        start, slopes = self._start.reshape(shape), gradient.reshape(shape)
        centre = centring(penalty, self._mask, shape)
        quadratic = Quadratic(model, start, slopes, part, centre)
        found, decrease = quadratic.minimise(_ACCURACY)
        return self._whole(found.reshape(1, -1))[:, 0], decrease

    def ends(self, penalties, faces):
        """Where steps to minima end, which go beyond those as the third derivative says.

        Parameters
        ----------
        penalties : sequence of Composite
        faces : sequence of Face
            What `faces` gave for these.

        Returns
        -------
        list of End
        """
        size = max(1, _NUMBERS // (self._loss.n_rows * len(self._mask)))
        if len(penalties) <= size:
            return self._ends(penalties, faces)
        ends, start = [], 0
        for face in faces:
            for part in face.cut(size):
                ends += self._ends(penalties[start : start + len(part)], [part])
                start += len(part)
        return ends

    def _ends(self, penalties, faces):
        loss, number = self._loss, len(penalties)
        begin = self._state.repeated(number)
        steps = self._whole(np.concatenate([face.changes for face in faces]))
        margins = loss.margins(steps)
        bend, third = loss.bend(begin, margins)
        corrected, small = self._corrected(faces, third)
        if small.any():
            steps = corrected
            margins = loss.margins(steps)
        bend *= np.repeat(0.5 * small, loss.n_rows)
        bend += loss.curved(begin, margins)
        bend += begin.excess
        stack = penalties[0].stack(penalties)
        new = loss.moved(begin, _centred(begin.params + steps, penalties, stack), margins)
        values = new.value + stack.whole(new.params)
        gaps = loss.dual_gap(new, stack, values, bend)
        return [
            End(penalty, new.one(number), values[number], gaps[number])
            for number, penalty in enumerate(penalties)
        ]

    def gap_before(self, penalty, value, face):
        """The bound at the state itself, for the first step to a face."""
        loss, state = self._loss, self._state
        excess = state.excess + loss.curved(state, loss.margins(self._whole(face.changes)[:, 0]))
        return loss.dual_gap(state, penalty, value, excess)

    def _corrected(self, faces, third):
        """All steps, and which are corrected: see `Face.corrected`."""
        third, start, found = third.transpose(1, 0, 2)[:, self._mask], 0, []
        for face in faces:
            found.append(face.corrected(third[start : start + len(face)]))
            start += len(face)
        changes, small = zip(*found, strict=True)
        return self._whole(np.concatenate(changes)), np.concatenate(small)

    def _whole(self, found):
        """A stack of all parameters, from those that may move, shape (n_found, n)."""
        n_outputs, width = self._mask.shape
        whole = np.zeros((n_outputs, len(found), width))
        whole.transpose(1, 0, 2)[:, self._mask] = found
        return whole


def _centred(params, penalties, stack):
    """Class sums of free parameters made zero, and the best where a norm does not tell."""
    if len(params) > 1:
        free = penalties[0].free
        params[..., free] -= np.add.reduce(params[..., free], axis=0) / len(params)
        for number in np.flatnonzero(stack.ties(params)):
            params[:, number] = penalties[number].centred(params[:, number])
    return params
