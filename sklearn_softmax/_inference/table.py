"""The table that `SoftmaxRegression.standard_errors` returns."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class StandardErrors:
    """Coefficients of the log-odds of each class against a reference, with their errors.

    Attributes
    ----------
    classes : ndarray of shape (n_classes - 1,)
        The classes, without the reference.
    reference : object
        The class that all others are compared with.
    names : list of str
        Names of the features, the intercept last.
    coef : ndarray of shape (n_classes - 1, n_names)
        Log-odds, in nats for each unit of a feature.
    error : ndarray of shape (n_classes - 1, n_names)
        Standard errors.
    z : ndarray of shape (n_classes - 1, n_names)
        ``coef / error``.
    p_value : ndarray of shape (n_classes - 1, n_names)
        Of the two-sided test that a coefficient is zero, by the normal distribution.
    lower, upper : ndarray of shape (n_classes - 1, n_names)
        Ends of the confidence intervals.
    covariance : ndarray of shape (n_classes - 1, n_names, n_classes - 1, n_names)
        Of the coefficients.
    kind : {'observed', 'sandwich'}
        What the errors are made of.
    level : float
        Level of the intervals.
    """

    classes: np.ndarray
    reference: object
    names: list
    coef: np.ndarray
    error: np.ndarray
    z: np.ndarray
    p_value: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    covariance: np.ndarray = field(repr=False)
    kind: str
    level: float

    def to_dict(self):
        """Columns of the table, one row for each class and name: for a DataFrame.

        Returns
        -------
        dict of str to ndarray of shape ((n_classes - 1) * n_names,)
        """
        n_classes, n_names = self.coef.shape
        numbers = ("coef", "error", "z", "p_value", "lower", "upper")
        return {
            "class": np.repeat(self.classes, n_names),
            "name": np.tile(np.asarray(self.names, dtype=object), n_classes),
            **{column: getattr(self, column).ravel() for column in numbers},
        }

    def __str__(self):
        table = self.to_dict()
        texts = [
            [str(label) for label in table.pop("class")],
            [str(name) for name in table.pop("name")],
            *([f"{number:.4g}" for number in column] for column in table.values()),
        ]
        heads = ["class", "name", *table]
        widths = [
            max(len(text) for text in [head, *column])
            for head, column in zip(heads, texts, strict=True)
        ]
        lines = [
            f"Log-odds against {self.reference}: {self.kind} errors, "
            f"{100.0 * self.level:g}% intervals",
            *(
                "  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True))
                for row in [heads, *zip(*texts, strict=True)]
            ),
        ]
        return "\n".join(lines)
