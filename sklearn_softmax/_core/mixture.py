"""Weights of a linear pool Σ_m w_m p_m of distributions, by maximum likelihood."""

import numpy as np

_MAX_ITER = 300
_CONVERGED = 1e-5  # nats for each row that a step may still gain


def pool_weights(likelihoods, weights, pseudo_count=1.0):
    """Maximise the likelihood of the pool over the simplex by EM, from equal weights.

    Parameters
    ----------
    likelihoods : ndarray of shape (n_members, n_rows)
        Probabilities of the labels.
    weights : ndarray of shape (n_rows,)
        Weights of the rows.
    pseudo_count : float
        Rows of a prior that is split evenly among the members.

    Returns
    -------
    ndarray of shape (n_members,)
        Positive; they sum to 1.
    """
    n_members, tiny = len(likelihoods), np.finfo(np.float64).tiny
    scaled = np.maximum(likelihoods / np.maximum(likelihoods.max(axis=0), tiny), tiny)
    total = np.add.reduce(weights) + pseudo_count
    weights, prior = weights / total, pseudo_count / total / n_members
    shares = np.full(n_members, 1.0 / n_members)
    for _ in range(_MAX_ITER):
        before = shares
        shares = before * (scaled @ (weights / (before @ scaled))) + prior
        if np.abs(shares - before).max() <= _CONVERGED:
            break
    return shares / np.add.reduce(shares)


def label_chances(logits, labels):
    """Probabilities of the labels, for class-major logits (n_classes, n_rows)."""
    chances = np.exp(logits - logits.max(axis=0))
    return chances[labels, np.arange(len(labels))] / np.add.reduce(chances, axis=0)


def mean_loss(chances, weights):
    """Weighted mean of -log(chances), in nats, over the last axis."""
    tiny = np.finfo(np.float64).tiny
    return -np.log(np.maximum(chances, tiny)) @ weights / np.add.reduce(weights)


def log_mean(logs):
    """Logarithm of the mean of distributions over the first axis, from their logarithms.

    As exact as these near 0, and -inf only where all of them are.
    """
    top = logs.max(axis=0)
    below = np.expm1(logs - np.where(top > -np.inf, top, 0.0))
    return top + np.log1p(np.where(top > -np.inf, np.mean(below, axis=0), 0.0))


def logarithms(probabilities):
    """Natural logarithms, -inf for a probability 0."""
    with np.errstate(divide="ignore"):
        return np.log(probabilities)
