"""Coefficients that are kept in a sparse matrix."""

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_is_fitted


class SparseCoefMixin:
    """Turns `coef_` into a sparse matrix and back, as scikit-learn's linear classifiers do."""

    def densify(self):
        """Make `coef_` an array, as it is after `fit`.

        Returns
        -------
        self
        """
        check_is_fitted(self)
        self.coef_ = dense(self.coef_)
        return self

    def sparsify(self):
        """Make `coef_` a CSR matrix: less memory where most coefficients are zero.

        Predictions stay the same. Not before `partial_fit`.

        Returns
        -------
        self
        """
        check_is_fitted(self)
        self.coef_ = sparse.csr_matrix(self.coef_)
        return self


def dense(coef):
    """Coefficients as an array."""
    return coef.toarray() if sparse.issparse(coef) else np.asarray(coef)
