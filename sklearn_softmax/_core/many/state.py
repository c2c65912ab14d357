"""Ridge problems under several weightings, at some parameters: see `weightings`."""

from dataclasses import dataclass, fields

import numpy as np


@dataclass
class State:
    """Problems at some parameters.

    Attributes
    ----------
    which : ndarray of shape (n_problems,), int
        Numbers of their weightings.
    ridge : ndarray of shape (n_problems, width)
        Of the penalty.
    params, gradient : ndarray of shape (n_problems, n, width)
    value : ndarray of shape (n_problems,)
    chances : ndarray of shape (n_problems, n, n_rows)
        Probabilities, but for those of the reference.
    losses : ndarray of shape (n_problems, n_rows)
    """

    which: np.ndarray
    ridge: np.ndarray
    params: np.ndarray
    gradient: np.ndarray
    value: np.ndarray
    chances: np.ndarray
    losses: np.ndarray

    def __len__(self):
        return len(self.which)

    def take(self, numbers):
        """Some of the problems."""
        return State(*(getattr(self, field.name)[numbers] for field in fields(self)))

    def put(self, numbers, other):
        """Replace some of the problems."""
        for field in fields(self):
            getattr(self, field.name)[numbers] = getattr(other, field.name)
