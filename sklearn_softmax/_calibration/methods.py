"""Methods of calibration by name, and the strengths of their priors."""

import numpy as np

from .._inputs.validation import check_number
from .._maps.structured import linear, products, squares
from .members import (
    AdaptiveTemperature,
    StructuredMatrix,
    StructuredVector,
    Tempered,
    Unchanged,
    Uniform,
    main_directions,
)
from .paths import Path
from .pool import PoolMethod
from .problem import METHODS as LINEAR
from .problem import SIDE_BY_SIDE

_FEW, _MANY = 32, 256  # classes up to which features are quadratic, or linear in all classes
_ROWS = 2.0  # for each feature, where there are features of pairs of classes


def _pool_paths(z, weights, strength):
    """The widest families that many classes allow."""
    paths, n_classes = [Path(AdaptiveTemperature(), (1.0,))], len(z)
    if n_classes <= _MANY:
        paths.append(Path(StructuredMatrix("matrix", linear), (1.0, 0.01, 0.0001)))
    else:
        family = StructuredVector("low_rank", *main_directions(z, weights))
        paths.append(Path(family, (1.0, 0.01)))
    if n_classes <= _FEW:
        paths.append(Path(_quadratic(n_classes, np.add.reduce(weights)), (0.1, 0.001)))
    return paths


def _quadratic(n_classes, total):
    """With features of pairs where rows are more than features."""
    n_features = n_classes * (n_classes + 5) / 2
    if total < _ROWS * n_features:
        return StructuredMatrix("squares", squares, n_groups=3)
    return StructuredMatrix("products", products, n_groups=3)


def _matrix_path(z, weights, strength):
    return [Path(StructuredMatrix("structured_matrix", linear), (strength,))]


def _vector_path(z, weights, strength):
    family = StructuredVector("structured_vector", np.zeros((0, len(z))), np.zeros(len(z)))
    return [Path(family, (strength,))]


def _no_paths(z, weights, strength):
    return []


METHODS = {
    "auto": PoolMethod(
        _pool_paths, {"temperature": Tempered, "input": Unchanged}, cross_fitted=True
    ),
    "structured_vector": PoolMethod(_vector_path, {}, strength=1.0),
    "structured_matrix": PoolMethod(_matrix_path, {}, strength=1.0),
    "ensemble_temperature": PoolMethod(
        _no_paths,
        {"temperature": Tempered, "input": Unchanged, "uniform": Uniform},
        shared=False,
    ),
    **LINEAR,
}


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
