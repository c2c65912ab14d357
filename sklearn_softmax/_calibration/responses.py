"""How the scores of a classifier are read: by a method and in a sense that are declared."""

import numpy as np

# What each method of a classifier gives. It is never guessed from numbers.
RESPONSES = {
    "decision_function": "logits",
    "predict_proba": "proba",
    "predict_log_proba": "logits",
}
NO_SCORE = {"logits": -np.inf, "proba": 0.0}  # of a class that a model does not know
_IN_ORDER = ("decision_function", "predict_proba")


def choose_response(estimator, method):
    """Name of the method that gives the scores.

    Raises
    ------
    AttributeError
        If the estimator does not have it.
    """
    names = _IN_ORDER if method == "auto" else (method,)
    found = [name for name in names if hasattr(estimator, name)]
    if not found:
        raise AttributeError(
            f"estimator must have {' or '.join(names)}; got {type(estimator).__name__} without."
        )
    return found[0]


def read_scores(model, X, response):
    """Scores of a fitted model with a column for each of its classes, sorted.

    Two classes with a single column, the log-odds, get a column of zeros for the first.

    Raises
    ------
    ValueError
        If there are not as many columns as classes.
    """
    with np.errstate(divide="ignore"):  # some take the logarithm of a probability 0
        scores = np.asarray(getattr(model, response)(X))
    scores = scores.reshape(-1, 1) if scores.ndim == 1 else scores
    classes = model.classes_
    if scores.shape[1] == 1 and len(classes) == 2:
        scores = np.hstack([np.zeros_like(scores), scores])
    if scores.ndim != 2 or scores.shape[1] != len(classes):
        raise ValueError(
            f"{response} of the estimator must give a column for each of its {len(classes)} "
            f"classes; got shape {scores.shape}."
        )
    return scores[:, np.argsort(classes)]
