"""What is penalised, and how: all of the penalty but its strength."""

from dataclasses import dataclass

import numpy as np

from .._penalties import PENALTIES
from .validation import check_choice, check_factors, check_number

_DEFAULT_RATIOS = {"elasticnet": 0.0, "group": 1.0}


@dataclass(frozen=True)
class Shrinkage:
    """A penalty without its strength.

    Attributes
    ----------
    penalty : str
        One of `PENALTIES`.
    l1_ratio : float
        The share of the norm; the rest is the ridge's.
    factors : ndarray of shape (n_features,) or None
        What multiplies the penalty of each feature; None for ones.
    """

    penalty: str = "elasticnet"
    l1_ratio: float = 0.0
    factors: object = None

    @property
    def has_norm(self):
        """Whether there is more than a ridge."""
        return self.l1_ratio > 0.0 and (self.factors is None or bool(np.any(self.factors)))


def check_shrinkage(penalty, l1_ratio):
    """Raise unless a penalty is known, and the share of its norm is one.

    Raises
    ------
    TypeError, ValueError
        Naming the parameter, the requirement and the value.
    """
    check_choice("penalty", penalty, PENALTIES)
    if l1_ratio is not None:
        check_number("l1_ratio", l1_ratio, at_least=0)
        if l1_ratio > 1:
            raise ValueError(f"l1_ratio must be a number of at most 1; got {l1_ratio!r}.")


def read_shrinkage(penalty, l1_ratio, penalty_factor, n_features):
    """The penalty that the parameters of an estimator stand for.

    Raises
    ------
    TypeError, ValueError
        If one of them is not as required.
    """
    check_shrinkage(penalty, l1_ratio)
    factors = check_factors("penalty_factor", penalty_factor, n_features)
    ratio = _DEFAULT_RATIOS[penalty] if l1_ratio is None else float(l1_ratio)
    return Shrinkage(penalty, ratio, factors)
