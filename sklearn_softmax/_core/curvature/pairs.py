"""The Hessian of chosen parameters: pairs of a class and a feature."""

import itertools

import numpy as np

from ..blocks import RowBlocks
from ..others import others

_NUMBERS = 1 << 18  # of a block of scaled features


def pair_hessian(objective, point, mask):
    """The Hessian in the parameters of a mask, penalty included: see `loss_hessian`."""
    total = loss_hessian(objective, point, mask)
    curvature = objective.penalty.curvature.reshape(mask.shape)[mask]
    np.einsum("ii->i", total)[:] += curvature
    return total


def loss_hessian(objective, point, mask):
    """The Hessian of the loss in the parameters of a mask.

    With u = (p_k x_j) for a row it is Σ s (diag_k(p_k xx') - uu'): one product of
    a matrix with its transpose, and a smaller one for each class.

    Parameters
    ----------
    objective : Objective
        With a map that has `rows`.
    point : Point
        Where.
    mask : ndarray of bool, shape (n_outputs, width)
        Which parameters.

    Returns
    -------
    ndarray of shape (n_pairs, n_pairs)
    """
    table = chances(objective, point)
    return objective.scale * products(objective, objective.map, table, *np.nonzero(mask))


def class_hessians(objective, point, mask):
    """Blocks of `pair_hessian` on its diagonal, one for each class."""
    totals = class_sums(objective, point, mask)
    ridge = objective.penalty.curvature.reshape(mask.shape)
    for k, total in enumerate(totals):
        total *= objective.scale
        np.einsum("ii->i", total)[:] += ridge[k, mask[k]]
    return list(totals)


def class_sums(objective, point, mask):
    """Sums Σ s p_k (1 - p_k) xx' over the rows, one for each class."""
    map, weights = objective.map, objective.weights
    table = chances(objective, point)
    table *= others(table.T).T
    if weights is not None:
        table *= weights[:, None]
    columns = [np.flatnonzero(each) for each in mask]
    if map.sparse:
        return _sparse_sums(map, columns, table)
    return _class_products(objective, np.sqrt(table, out=table), columns)


def _sparse_sums(map, columns, table):
    """Σ w xx' of each class in its columns, w being a column of a table."""
    first, *rest = columns
    if rest and all(np.array_equal(first, each) for each in rest):
        return map.class_grams(first, table)
    zeros, roots = [np.zeros(len(each), np.intp) for each in columns], np.sqrt(table)
    return [map.pair_gram(each, zeros[k], roots[:, [k]]) for k, each in enumerate(columns)]


def _class_products(objective, table, columns):
    map = objective.map

    def visit(rows, totals):
        features = map.rows(rows)
        for k, total in enumerate(totals):
            own = features[:, columns[k]] * table[rows, k, None]
            total += own.T @ own

    def zeros():
        return tuple(np.zeros((len(each), len(each))) for each in columns)

    size = max(1, max(len(each) for each in columns))
    total_bytes = 8 * sum(len(each) ** 2 for each in columns)
    blocks = RowBlocks(map.n_rows, max(256, _NUMBERS // size), total_bytes)
    return blocks.sum(visit, zeros, objective.threads)


def chances(objective, point):
    """Probabilities of all rows, shape (n_rows, n_outputs)."""
    table = np.empty((objective.map.n_rows, objective.map.shape[0]))

    def keep(probabilities, rows, _):
        table[rows] = probabilities.T

    objective.probabilities_at(point, keep)
    return table


def products(objective, map, table, classes, columns):
    """Σ s (diag_k(p_k xx') - uu') of pairs of classes and columns of a map."""
    of_pairs = _of_sparse if map.sparse else _of_dense
    return of_pairs(objective, map, table, classes, columns)


def _of_dense(objective, map, table, classes, columns):
    n_outputs, size = table.shape[1], len(classes)
    edges = np.searchsorted(classes, np.arange(n_outputs + 1))

    def visit(rows, totals):
        features, weights, total = map.rows(rows), objective.weights_of(rows), totals[0]
        chances = table[rows]
        if n_outputs == 1:
            chances = chances * (1.0 - chances)
        roots = np.sqrt(chances if weights is None else chances * weights[:, None])
        if n_outputs == 1:
            scaled = features[:, columns] * roots
            total += scaled.T @ scaled
            return
        root_chances, root_others = np.sqrt(chances), np.sqrt(others(chances.T).T)
        scaled, parts = np.empty((len(features), size)), itertools.pairwise(edges)
        blocks = []
        for k, part in enumerate(slice(*ends) for ends in parts):
            own = features[:, columns[part]] * roots[:, k, None]
            scaled[:, part] = own * root_chances[:, k, None]
            own *= root_others[:, k, None]
            blocks.append((part, own.T @ own))
        product = scaled.T @ scaled
        for part, block in blocks:
            product[part, part] = -block
        total -= product

    blocks = RowBlocks(map.n_rows, max(256, _NUMBERS // max(1, size)), 8 * size**2)
    (total,) = blocks.sum(visit, lambda: (np.zeros((size, size)),), objective.threads)
    return total


def _of_sparse(objective, map, table, classes, columns):
    n_outputs, weights = table.shape[1], objective.weights
    chances = table * (1.0 - table) if n_outputs == 1 else table
    roots = np.sqrt(chances if weights is None else chances * weights[:, None])
    if n_outputs == 1:
        return map.pair_gram(columns, classes, roots)
    edges = np.searchsorted(classes, np.arange(n_outputs + 1))
    total = map.pair_gram(columns, classes, np.sqrt(table) * roots)
    total *= -1.0
    parts = [slice(*ends) for ends in itertools.pairwise(edges)]
    own = roots**2 * others(table.T).T
    for part, block in zip(parts, _sparse_sums(map, [columns[k] for k in parts], own), strict=True):
        total[part, part] = block
    return total
