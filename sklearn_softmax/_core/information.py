"""How many rows tell something: those whose label is uncertain."""

import numpy as np


def informative_rows(objective, params):
    """Σ s (1 - Σ p²) / (1 - 1/K): the rows, each counted by its uncertainty.

    A row of K equal probabilities counts as one row, a row that is certain as none. It is the
    trace of the curvature of the loss in the logits, in units of that of an undecided row.
    """
    point, target = objective.at(params), objective.target

    def visit(probabilities, rows, totals):
        target.variances(probabilities)
        weights = objective.weights_of(rows)
        uncertainty = np.add.reduce(probabilities, axis=0)
        totals[0][0] += np.add.reduce(uncertainty if weights is None else uncertainty * weights)

    (sums,) = objective.probabilities_at(point, visit, lambda: (np.zeros(1),))
    n_outputs = target.n_outputs
    return sums[0] * (4.0 if n_outputs == 1 else n_outputs / (n_outputs - 1.0))
