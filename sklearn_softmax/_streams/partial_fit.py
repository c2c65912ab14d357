"""`partial_fit`: batches checked, and the state of the stream held by the estimator."""

from numbers import Real

import numpy as np
from scipy import sparse
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils.metaestimators import available_if

from .._core.threads import Threads
from .._inputs.features import FLOATS, read_features, remember_features
from .._inputs.labels import check_classes, read_known
from .._inputs.training import in_dtype
from .._inputs.validation import check_weights, class_factors
from .._solvers import SOLVERS
from .._sparse_coef import dense
from .stream import Rows, Settings, Stream

_LARGEST = 1e120


def _has_no_norm(model):
    """Whether the penalty is a ridge: streams keep expansions of second order."""
    ratio = model.l1_ratio
    if model.penalty == "group" if ratio is None else isinstance(ratio, Real) and ratio > 0:
        raise AttributeError(
            "partial_fit needs a ridge; got "
            f"penalty={model.penalty!r} and l1_ratio={model.l1_ratio!r}."
        )
    return True


class PartialFitMixin:
    """Softmax regression from batches.

    A subclass has the parameters and the fitted attributes of `SoftmaxRegression`, calls
    ``_leave_stream`` at the end of `fit` and names its checks of parameters
    ``_check_parameters``.
    """

    _stream = None

    @available_if(_has_no_norm)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Learn from some rows more, where the penalty is a ridge without `penalty_factor`.

        After any number of calls the coefficients are those of `fit` on all rows so far, or
        close to them. Nothing needs tuning, the scales of features do not matter, and one pass
        over the data is enough; each row that comes counts, also when it comes again.

        The latest 2**20 numbers of X (8 MB in float64) are kept, those rows longest whose
        class is least certain. Of the losses of other rows a second-order expansion is kept:
        of all parameters where there are at most 1024, else of each class by itself (up to
        2**22 numbers), else of each parameter by itself. Coefficients are those of `fit` until
        the first row is given up; until then, the kept rows are fitted anew whenever that costs
        little for each new row, with Newton steps in between.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Labels, or probabilities or counts: see `fit`.
        classes : array-like of shape (n_classes,), default=None
            All labels that can come, in the order of the columns of y where that is a table.
            Needed at the first call, unless the parameter `classes` is set.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights; an integer weight is the same as repeating the row.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            If a parameter, X, y or a weight is not as required; what was learned before stays.

        Notes
        -----
        `coef_`, `intercept_` and `classes_` are as after `fit`; `n_samples_seen_` counts the
        rows, and there is no certificate. A class that has no row yet counts for half a row at
        the mean of the features. After `fit`, its rows count, too: their curvature is estimated
        from the first batch, so let that be large. `fit` forgets the stream.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.utils import shuffle
        >>> from sklearn_softmax import SoftmaxRegression
        >>> X, y = shuffle(*load_iris(return_X_y=True), random_state=0)
        >>> model = SoftmaxRegression()
        >>> for rows in range(0, 150, 32):
        ...     _ = model.partial_fit(X[rows : rows + 32], y[rows : rows + 32], classes=[0, 1, 2])
        >>> round(model.log_loss(X, y), 2)
        0.12
        """
        self._check_parameters()
        self._check_ridge()
        given, first = X, not hasattr(self, "classes_")
        if first:
            X = check_array(X, accept_sparse="csr", dtype=FLOATS, estimator=self, input_name="X")
        else:
            X = read_features(self, X, accept_sparse="csr")
        check_consistent_length(X, y)
        named, classes = self._check_classes(classes)
        rows, n_rows = self._check_rows(X, y, classes, named, sample_weight), X.shape[0]
        with Threads() as threads:
            solver = SOLVERS[self.solver]
            settings = Settings(self.C, solver, self.tol, self.max_iter, threads)
            stream = self._stream_before(rows, len(classes), settings).updated(rows, settings)
        coef, intercept = (in_dtype(each, X.dtype) for each in stream.coefficients())
        if first:
            remember_features(self, given)
        self._stream, self.classes_ = stream, classes
        self.coef_, self.intercept_ = coef, intercept
        self.n_iter_ = max(1, stream.n_iter)
        self.n_samples_seen_ = getattr(self, "n_samples_seen_", 0) + n_rows
        for name in ("loss_", "dual_gap_"):
            vars(self).pop(name, None)
        return self

    def _check_ridge(self):
        if self.penalty_factor is not None:
            raise ValueError(
                "partial_fit needs a ridge that is the same for all features; got a "
                "penalty_factor that is not None."
            )

    def _check_classes(self, classes):
        """Classes in the order of the columns of a table y, and sorted."""
        known = getattr(self, "classes_", None)
        named = self.classes if classes is None else classes
        if named is None and known is None:
            raise ValueError("classes must be passed on the first call to partial_fit; got None.")
        named = known if named is None else named
        repeated = np.ndim(named) == 1 and len(set(named)) < len(named)
        named = check_classes(np.unique(named) if repeated else named)
        if known is not None and not np.array_equal(np.sort(named), known):
            raise ValueError(
                f"classes must be those of the calls before, {known.tolist()}; "
                f"got {named.tolist()}."
            )
        return named, np.sort(named)

    def _check_rows(self, X, y, classes, named, sample_weight):
        if isinstance(self.class_weight, str) and self.class_weight == "balanced":
            raise ValueError(
                "class_weight must be a dict or None for partial_fit, which cannot know the "
                "frequencies of all rows to come; got 'balanced'. Compute weights with "
                "sklearn.utils.class_weight.compute_class_weight and pass them as a dict."
            )
        known, factors = read_known(y, classes, named), None
        weights = check_weights(sample_weight, len(known))
        if self.class_weight is not None:
            factors = class_factors(self.class_weight, classes, known.masses(weights))
        known, totals = known.weigh(factors, self.label_smoothing)
        weights = np.ones(len(known)) if weights is None else weights
        weights = weights if totals is None else weights * totals
        values = X.data if sparse.issparse(X) else X
        largest = float(np.abs(values).max(initial=0.0))
        if not largest < _LARGEST:
            raise ValueError(f"X must have numbers below {_LARGEST:g}; got {largest:g}.")
        held = np.flatnonzero(weights > 0)
        if self._stream is None and not len(held):
            raise ValueError("y must have rows of positive weight at the first call; got none.")
        X = X[held]  # a copy
        if sparse.issparse(X):
            X.sum_duplicates()
        return Rows(X, known.take(held), weights[held])

    def _stream_before(self, rows, n_classes, settings):
        """The stream that the batch comes to."""
        if self._stream is not None:
            if self._stream.coordinates.fit_intercept != self.fit_intercept:
                raise ValueError(
                    "fit_intercept must stay what it was at the first call to partial_fit, "
                    f"{not self.fit_intercept}; got {self.fit_intercept}."
                )
            return self._stream
        start = Stream.start(n_classes, self.fit_intercept)
        if not hasattr(self, "classes_"):
            return start
        return Stream.after_fit(
            dense(self.coef_),
            self.intercept_,
            self.loss_,
            self._weight,
            rows,
            settings,
            start.coordinates,
        )

    def _leave_stream(self, weights, n_rows):
        """What `fit` leaves: no stream, but the total weight of its rows."""
        for name in ("_stream", "n_samples_seen_"):
            vars(self).pop(name, None)
        self._weight = n_rows if weights is None else float(np.add.reduce(weights))
