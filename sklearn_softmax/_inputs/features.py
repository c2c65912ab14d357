"""Features as users hand them in: of a plain array there is little to check, and that is quick."""

import numpy as np
from sklearn.utils.validation import validate_data

FLOATS = [np.float64, np.float32]


def is_plain(X):
    """Whether scikit-learn would hand X back as it is: an array of finite floats."""
    if not (type(X) is np.ndarray and X.ndim == 2 and X.size and X.dtype in FLOATS):
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(np.add.reduce(X, axis=None)))


def read_features(model, X, **options):
    """Features for a fitted model.

    Parameters
    ----------
    model : estimator
        Its number of features and their names have to be those of X.
    X : {array-like, sparse matrix} of shape (n_rows, n_features)
        What was handed in.
    **options
        For `check_array` of scikit-learn, where X is no plain array.

    Returns
    -------
    ndarray or sparse matrix, of float32 or float64
    """
    named = hasattr(model, "feature_names_in_")
    if not named and is_plain(X) and X.shape[1] == model.n_features_in_:
        return X
    return validate_data(model, X, dtype=FLOATS, reset=False, **options)


def remember_features(model, X):
    """Set the number of features, and their names, if any: not before a fit has succeeded."""
    if type(X) is np.ndarray and X.ndim == 2:
        vars(model).pop("feature_names_in_", None)
        model.n_features_in_ = X.shape[1]
    else:
        validate_data(model, X, skip_check_array=True)
