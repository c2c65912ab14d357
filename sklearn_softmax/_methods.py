"""Methods of calibration by name, and the strengths of their priors."""

from ._calibration import METHODS as LINEAR
from ._calibration import SIDE_BY_SIDE
from ._pool import POOLS
from ._validation import check_number

METHODS = {**POOLS, **LINEAR}


def method_of(name, one_per_class):
    """The method with this name, for scores with a column for each class or not."""
    return METHODS[name] if one_per_class else SIDE_BY_SIDE


def choose_strength(method, name, strength):
    """The strength of the prior: as given, or the method's own.

    Raises
    ------
    TypeError, ValueError
        If the method has no prior, or the strength is no number of its range.
    """
    if strength is None:
        return method.strength
    if not method.takes_strength:
        raise ValueError(
            f"strength must be None for method={name!r}, which has no prior to strengthen; "
            f"got {strength!r}."
        )
    limits = {"at_least": 0} if method.strength is None else {"above": 0}
    check_number("strength", strength, **limits)
    return float(strength)
