"""Laws of the engine: targets, blocks, the objective, its lines, curvature and certificate.

The reference works in long double, on plain formulas with the maximum subtracted.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from sklearn_softmax._core import predict
from sklearn_softmax._core.blocks import RowBlocks, Scratch
from sklearn_softmax._core.objective import Objective
from sklearn_softmax._core.targets.labels import BinaryLabels, Labels
from sklearn_softmax._core.targets.offset import Offset
from sklearn_softmax._core.targets.soft import BinarySoftLabels, SmoothedLabels, SoftLabels
from sklearn_softmax._core.threads import Threads
from sklearn_softmax._maps.design import DenseDesign, SparseDesign
from sklearn_softmax._maps.standardised import Standardised
from sklearn_softmax._penalties.ridge import Ridge
from sklearn_softmax._solvers import SOLVERS

EVERYTHING = slice(0, None)


def exact_loss(logits, distribution):
    """Loss and probabilities of class-major logits, in long double."""
    logits = logits.astype(np.longdouble)
    shifted = logits - logits.max(axis=0)
    exponentials = np.exp(shifted)
    probabilities = exponentials / exponentials.sum(axis=0)
    expected = np.einsum("kb,bk->b", shifted, distribution.astype(np.longdouble))
    return np.log(exponentials.sum(axis=0)) - expected, probabilities


class TargetContract:
    """What holds for every target.

    A subclass draws a target with the distribution it stands for, and says which logits of all
    classes its outputs stand for.
    """

    n_outputs = 4

    def draw(self, n_rows, seed=0):
        raise NotImplementedError

    def all_logits(self, outputs):
        return outputs

    def outputs(self, per_class):
        """Of an array with a row for each class, the rows of the outputs."""
        return per_class

    def case(self, scale=2.0, n_rows=50, dtype=np.float64):
        target, distribution = self.draw(n_rows)
        logits = scale * np.random.default_rng(1).standard_normal((self.n_outputs, n_rows))
        return target, distribution, logits.astype(dtype)

    def related(self, target, logits):
        relative, rows = logits.copy(), slice(0, logits.shape[1])
        target.relate(relative, rows)
        return relative, rows

    @pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0, 800.0, 1e6, 1e300])
    def test_loss_is_exact_at_any_scale(self, scale):
        target, distribution, logits = self.case(scale)
        relative, rows = self.related(target, logits)
        loss = target.loss_rows(relative, rows, np.empty_like(relative))[0]
        expected, _ = exact_loss(self.all_logits(logits), distribution)
        np.testing.assert_allclose(loss, expected.astype(float), rtol=1e-13, atol=1e-15 * scale)

    @pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0, 800.0, 1e6, 1e300])
    @pytest.mark.parametrize("weighted", [False, True])
    def test_residuals_are_exact_at_any_scale(self, scale, weighted):
        target, distribution, logits = self.case(scale)
        weights = np.random.default_rng(2).uniform(0.1, 3.0, len(target)) if weighted else None
        relative, rows = self.related(target, logits)
        out = np.empty_like(relative)
        total = target.residuals(relative, rows, weights, out)
        loss, probabilities = exact_loss(self.all_logits(logits), distribution)
        factor = 1.0 if weights is None else weights
        expected = factor * self.outputs(probabilities - distribution.T)
        np.testing.assert_allclose(total, float(np.sum(factor * loss)), rtol=1e-13)
        np.testing.assert_allclose(out, expected.astype(float), atol=2e-15 * (1 + scale % 1e299))

    @pytest.mark.parametrize("scale", [1.0, 800.0, 1e300])
    def test_float32_loses_only_its_own_precision(self, scale):
        scale = min(scale, 1e36)
        target, distribution, logits = self.case(scale, dtype=np.float32)
        relative, rows = self.related(target, logits)
        out = np.empty_like(relative)
        loss, inverse = target.loss_rows(relative, rows, out)
        expected, _ = exact_loss(self.all_logits(logits), distribution)
        assert loss.dtype == out.dtype == np.float32
        np.testing.assert_allclose(loss, expected.astype(float), rtol=1e-5, atol=1e-6 * scale)
        assert np.all(np.isfinite(out * inverse))

    @pytest.mark.parametrize("scale", [1.0, 800.0, 1e300])
    def test_probabilities_belong_to_the_losses(self, scale):
        target, distribution, logits = self.case(scale)
        relative, rows = self.related(target, logits)
        out = np.empty_like(relative)
        _, inverse = target.loss_rows(relative, rows, out)
        target.probabilities(out, inverse, rows)
        expected = exact_loss(self.all_logits(logits), distribution)[1].astype(float)
        np.testing.assert_allclose(out, self.in_target_order(target, expected), atol=1e-15)

    def in_target_order(self, target, probabilities):
        return probabilities

    def test_curve_is_the_covariance_of_the_classes(self):
        target, distribution, logits = self.case()
        relative, rows = self.related(target, logits)
        out = np.empty_like(relative)
        _, inverse = target.loss_rows(relative, rows, out)
        target.probabilities(out, inverse, rows)
        direction = np.random.default_rng(3).standard_normal(logits.shape)
        curved = direction.copy()
        target.curve(out.copy(), curved)
        p = exact_loss(self.all_logits(logits), distribution)[1].astype(float)
        full = np.zeros_like(p)
        full[-self.n_outputs :] = direction
        expected = p * (full - np.sum(p * full, axis=0))
        np.testing.assert_allclose(curved, self.outputs(expected), atol=1e-15)
        target.variances(out)
        np.testing.assert_allclose(out, self.outputs(p * (1 - p)), atol=1e-15)

    @pytest.mark.parametrize("at_once", [False, True])
    @pytest.mark.parametrize("scale", [2.0, 30.0, 200.0])
    def test_variances_of_sure_rows_keep_their_digits(self, scale, at_once):
        """Of those that are right: 1 - p is not the difference that it looks like."""
        target, distribution, logits = self.case(scale)
        relative, rows = self.related(target, logits)
        out = np.empty_like(relative)
        if at_once:
            target.curvatures(relative, rows, out)
        else:
            _, inverse = target.loss_rows(relative, rows, out)
            target.probabilities(out, inverse, rows)
            target.variances(out)
        p = exact_loss(self.all_logits(logits), distribution)[1]
        rest = np.stack([np.delete(p, k, axis=0).sum(axis=0) for k in range(len(p))])
        expected = self.outputs(p * rest).astype(float)
        right = np.argmax(p, axis=0) == np.argmax(distribution, axis=1)
        assert np.count_nonzero(right) > 5
        np.testing.assert_allclose(out[:, right], expected[:, right], rtol=1e-12, atol=1e-303)

    @pytest.mark.parametrize("scale", [2.0, 30.0, 200.0])
    def test_curve_of_sure_rows_keeps_its_digits(self, scale):
        """Of those that are right, and of anchored directions."""
        target, distribution, logits = self.case(scale)
        relative, rows = self.related(target, logits)
        out = np.empty_like(relative)
        _, inverse = target.loss_rows(relative, rows, out)
        target.probabilities(out, inverse, rows)
        p = exact_loss(self.all_logits(logits), distribution)[1]
        direction = np.random.default_rng(3).standard_normal(logits.shape)
        full = self.all_logits(direction)
        between = full[:, None] - full[None]
        expected = self.outputs(p * np.einsum("lb,klb->kb", p, between)).astype(float)
        target.anchor(direction, rows)
        target.curve(out, direction)
        right = np.argmax(p, axis=0) == np.argmax(distribution, axis=1)
        assert np.count_nonzero(right) > 5
        np.testing.assert_allclose(direction[:, right], expected[:, right], rtol=1e-9, atol=1e-303)

    @pytest.mark.parametrize("size", [1e-9, 1e-3, 0.1, 0.2])
    def test_divergence_bounds_that_of_kullback_and_leibler(self, size):
        target, distribution, logits = self.case()
        relative, rows = self.related(target, logits)
        p = np.empty_like(relative)
        _, inverse = target.loss_rows(relative, rows, p)
        target.probabilities(p, inverse, rows)
        change = np.full_like(p, 0.0)
        change[:] = size * np.random.default_rng(3).standard_normal((self.n_outputs, 1))
        target.curve(p.copy(), change)
        full = exact_loss(self.all_logits(logits), distribution)[1]
        ratio = self.full_change(change) / full
        terms = full * ((1 + ratio) * np.log1p(ratio) - ratio)
        found = target.divergence(p, change, rows)
        expected = terms.sum(axis=0).astype(float)
        largest = float(np.abs(ratio).max())
        slack = largest if largest <= 0.5 else 0.0
        assert np.all(found >= expected * (1.0 - 1e-10) - 1e-15 * size)
        assert np.all(found <= expected * (1.0 + slack + 1e-10) + 1e-15 * size)
        assert np.all(target.divergence(p, 1e9 * change / size, rows) == np.inf)

    def test_confined_changes_leave_distributions(self):
        """Far changes are cut; what is inside already stays."""
        target, _, logits = self.case()
        relative, rows = self.related(target, logits)
        p = np.empty_like(relative)
        _, inverse = target.loss_rows(relative, rows, p)
        target.probabilities(p, inverse, rows)
        change = 2.0 * np.random.default_rng(3).standard_normal(p.shape)
        target.curve(p.copy(), change)
        given = change.copy()
        terms = target.divergence(p, change, rows)
        outside = np.flatnonzero(np.isinf(terms))
        assert 0 < len(outside) < len(terms)
        target.confine(p, change, outside, rows)
        assert np.all(np.isfinite(target.divergence(p, change, rows)))
        inside = np.isfinite(terms)
        np.testing.assert_array_equal(change[:, inside], given[:, inside])
        np.testing.assert_allclose(self.full_change(change).sum(axis=0), 0.0, atol=1e-15)

    def full_change(self, change):
        return change

    @pytest.mark.parametrize("weighted", [False, True])
    def test_prior_logits_have_the_frequencies_as_softmax(self, weighted):
        target, distribution, _ = self.case()
        weights = np.random.default_rng(2).uniform(0.1, 3.0, len(target)) if weighted else None
        frequencies = np.average(distribution, axis=0, weights=weights)
        np.testing.assert_allclose(target.frequencies(weights), frequencies, rtol=1e-13)
        logits = self.all_logits(np.asarray(target.prior_logits(weights))[:, None])
        found = exact_loss(logits, distribution[:1])[1][:, 0].astype(float)
        np.testing.assert_allclose(found, frequencies, rtol=1e-13)

    def test_length_is_the_number_of_rows(self):
        assert len(self.draw(7)[0]) == 7


class HardTargetContract(TargetContract):
    """Labels, besides, keep the relative precision of tiny losses and residuals."""

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @pytest.mark.parametrize("margin", [20.0, 50.0, 80.0])
    def test_tiny_losses_keep_their_relative_precision(self, margin, dtype):
        target, distribution = self.draw(30)
        away = np.random.default_rng(1).integers(0, 3, (distribution.shape[1], 30))
        logits = (margin * distribution.T - away).astype(dtype)
        outputs = self.from_all_logits(logits)
        relative, rows = self.related(target, outputs)
        out = np.empty_like(relative)
        loss, inverse = target.loss_rows(relative, rows, out)
        margins = logits - np.sum(logits * distribution.T, axis=0)
        others = np.where(distribution.T > 0, 0, np.exp(margins.astype(np.longdouble)))
        rtol = 8 * np.finfo(dtype).eps
        sums = others.sum(axis=0)
        expected = np.log1p(sums).astype(float)
        np.testing.assert_allclose(loss, expected, rtol=rtol)
        target.residuals(relative, rows, None, out)
        residuals = (np.where(distribution.T > 0, -sums, others) / (1 + sums)).astype(float)
        np.testing.assert_allclose(out, self.outputs(residuals), rtol=4 * rtol)

    def from_all_logits(self, logits):
        return logits


class TestLabels(HardTargetContract):
    def draw(self, n_rows, seed=0):
        labels = np.random.default_rng(seed).integers(0, 4, n_rows)
        return Labels(labels, 4), np.eye(4)[labels]

    def test_residuals_of_a_row_sum_to_zero(self):
        target, _, logits = self.case(10.0)
        relative, rows = self.related(target, logits)
        out = np.empty_like(relative)
        target.residuals(relative, rows, None, out)
        np.testing.assert_allclose(out.sum(axis=0), 0.0, atol=1e-15)


class SingleOutput:
    """A single output is the log-odds of the second class."""

    n_outputs = 1

    def all_logits(self, outputs):
        return np.concatenate([np.zeros_like(outputs), outputs])

    def outputs(self, per_class):
        return per_class[1:]

    def from_all_logits(self, logits):
        return logits[1:] - logits[:1]

    def in_target_order(self, target, probabilities):
        """The single output is the class that is not the label."""
        return np.where(target.sign > 0, probabilities[1:], probabilities[:1])

    def full_change(self, change):
        return np.concatenate([-change, change])


class TestBinaryLabels(SingleOutput, HardTargetContract):
    def draw(self, n_rows, seed=0):
        labels = np.random.default_rng(seed).integers(0, 2, n_rows)
        return BinaryLabels(labels), np.eye(2)[labels]


class TestSoftLabels(TargetContract):
    def draw(self, n_rows, seed=0):
        distribution = np.random.default_rng(seed).dirichlet(np.ones(4), n_rows)
        return SoftLabels(distribution), distribution


class TestSoftLabelsOfCounts(TargetContract):
    """Rows are divided by their totals."""

    def draw(self, n_rows, seed=0):
        mass = np.random.default_rng(seed).gamma(1.0, 5.0, (n_rows, 4))
        totals = mass.sum(axis=1)
        return SoftLabels(mass, totals), mass / totals[:, None]


class TestSmoothedLabels(TargetContract):
    def draw(self, n_rows, seed=0):
        rng = np.random.default_rng(seed)
        labels, own, share = rng.integers(0, 4, n_rows), rng.random(n_rows), rng.random(4)
        own[0], share = 1.0, share / share.sum()
        distribution = own[:, None] * np.eye(4)[labels] + (1.0 - own)[:, None] * share
        return SmoothedLabels(labels, own, share), distribution


class TestBinarySoftLabels(SingleOutput, TargetContract):
    def draw(self, n_rows, seed=0):
        second = np.random.default_rng(seed).random(n_rows)
        second[:4] = 0.0, 1.0, 0.5, 1e-9
        return BinarySoftLabels(second), np.column_stack([1.0 - second, second])


class TestBinarySoftLabelsOfCertainty(SingleOutput, HardTargetContract):
    """Certain rows are labels, with all their precision."""

    def draw(self, n_rows, seed=0):
        labels = np.random.default_rng(seed).integers(0, 2, n_rows)
        return BinarySoftLabels(labels), np.eye(2)[labels]


# The objective, for every target, map and kind of weights.


class SmallBlocks(DenseDesign):
    """Several blocks and chunks in small data."""

    block_rows = 64


class SmallSparseBlocks(SparseDesign):
    block_rows = 64


class Known:
    """What some targets are made of; the same for a number of rows."""

    share = np.arange(4.0) / 6.0

    def __init__(self, n):
        rng = np.random.default_rng(n)
        self.own, self.offset = rng.random(n), rng.standard_normal((4, n))


def distribution_of(kind, target, n):
    """What a target of `draw_problem` stands for."""
    own, share = Known(n).own, Known.share
    if kind.startswith("binary-"):
        return np.column_stack([1.0 - own, own])
    if kind == "binary":
        return np.eye(2)[(target.sign < 0).astype(int)]
    if kind == "smoothed":
        return own[:, None] * np.eye(4)[target._main.labels] + (1.0 - own)[:, None] * share
    if kind == "offset":
        target = target._target
    return target._mass if kind == "soft" else np.eye(4)[target.labels]


def active(objective, point, omitted):
    return objective.active_rows(point, objective.leverages(), omitted, objective.map.n_rows)


def draw_problem(
    kind="labels",
    map="standardised",
    weighted=False,
    intercept=True,
    alpha=0.1,
    cached=False,
    products=False,
    n=300,
    p=5,
    seed=0,
    dtype=None,
    threads=None,
):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) * np.logspace(-1, 1, p) + np.linspace(0, 3, p)
    X[rng.random((n, p)) < 0.3] = 0.0
    truth = rng.standard_normal((4, p)) / np.logspace(-1, 1, p)
    logits = X @ truth.T
    labels = np.argmax(logits + 2.0 * rng.gumbel(size=logits.shape), axis=1)
    known = Known(n)
    target = {
        "labels": lambda: Labels(labels, 4),
        "binary": lambda: BinaryLabels(labels > 1),
        "soft": lambda: SoftLabels(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)),
        "one-hot": lambda: SoftLabels(np.eye(4)[labels]),
        "smoothed": lambda: SmoothedLabels(labels, known.own, known.share),
        "binary-soft": lambda: BinarySoftLabels(known.own),
        "offset": lambda: Offset(Labels(labels, 4), known.offset),
        "binary-offset": lambda: Offset(BinarySoftLabels(known.own), known.offset[:1]),
    }[kind]()
    if map == "sparse":
        design = SmallSparseBlocks(sparse.csr_matrix(X), target.n_outputs, intercept, dtype)
    else:
        design = SmallBlocks(X, target.n_outputs, intercept, dtype)
    mean, scale = (np.zeros(p), np.ones(p)) if map == "raw" else (X.mean(axis=0), X.std(axis=0))
    full = Standardised(design, mean, scale)
    weights = rng.uniform(0.1, 4.0, n) if weighted else None
    penalty = Ridge(full.ridge(alpha))
    threads = threads or Threads()
    return Objective(
        full, target, penalty, weights, threads=threads, cached=cached, products=products
    )


def draw_params(objective, seed=5, scale=0.5):
    return scale * np.random.default_rng(seed).standard_normal(np.prod(objective.map.shape))


def newton_direction(objective, point):
    """An exact Newton step of class sum zero."""
    units = np.eye(len(point.params))
    hessian = np.array([objective.hessian_product(point, unit) for unit in units])
    return -np.linalg.lstsq(hessian, point.gradient, rcond=1e-13)[0]


every_problem = pytest.mark.parametrize(
    "options",
    [
        pytest.param(
            {"kind": k, "map": m, "weighted": w, "intercept": i},
            id=f"{k}-{m}{'-weighted' * w}{'-intercept' * i}",
        )
        for k in ("labels", "binary", "soft")
        for m in ("raw", "standardised", "sparse")
        for w in (False, True)
        for i in (False, True)
    ]
    + [
        pytest.param({"kind": k, "weighted": True}, id=k)
        for k in ("smoothed", "binary-soft", "offset", "binary-offset")
    ],
)
few_problems = pytest.mark.parametrize(
    "options",
    [
        {"kind": "labels"},
        {"kind": "labels", "weighted": True, "intercept": False},
        {"kind": "binary", "weighted": True},
        {"kind": "binary", "map": "sparse", "intercept": False},
        {"kind": "soft", "map": "sparse", "weighted": True},
        {"kind": "labels", "map": "raw"},
    ],
    ids=lambda options: "-".join(map(str, options.values())),
)


@every_problem
class TestObjective:
    def test_value_is_the_formula(self, options):
        objective = draw_problem(**options)
        params = draw_params(objective)
        map, weights = objective.map, objective.weights
        raw = map.to_raw(params).reshape(map.shape)
        X = map.design.X.toarray() if sparse.issparse(map.design.X) else map.design.X
        logits = raw[:, : X.shape[1]] @ X.T
        if map.fit_intercept:
            logits += raw[:, X.shape[1] :]
        kind, n = options["kind"], logits.shape[1]
        if kind.endswith("offset"):
            logits += Known(n).offset[: len(logits)]
        if len(logits) == 1:
            logits = np.concatenate([np.zeros_like(logits), logits])
        distribution = distribution_of(kind, objective.target, n)
        loss = np.average(exact_loss(logits, distribution)[0].astype(float), weights=weights)
        ridge = 0.5 * 0.1 * np.sum(raw[:, : X.shape[1]] ** 2)
        np.testing.assert_allclose(objective.at(params).value, loss + ridge, rtol=1e-12)

    def test_gradient_is_the_slope_of_the_value(self, options):
        objective = draw_problem(**options)
        params, step = draw_params(objective), 1e-5
        for seed in range(3):
            d = draw_params(objective, seed=10 + seed, scale=1.0)
            ahead, behind = objective.at(params + step * d), objective.at(params - step * d)
            slope = (ahead.value - behind.value) / (2 * step)
            np.testing.assert_allclose(objective.at(params).gradient @ d, slope, atol=1e-8)

    def test_hessian_product_is_the_change_of_the_gradient(self, options):
        objective = draw_problem(**options)
        params, step = draw_params(objective), 1e-5
        d = draw_params(objective, seed=10, scale=1.0)
        ahead, behind = objective.at(params + step * d), objective.at(params - step * d)
        expected = (ahead.gradient - behind.gradient) / (2 * step)
        found = objective.hessian_product(objective.at(params), d)
        np.testing.assert_allclose(found, expected, atol=1e-8)

    def test_third_derivative_is_the_change_of_the_hessian_product(self, options):
        objective = draw_problem(**options)
        params, step = draw_params(objective), 1e-5
        d = draw_params(objective, seed=10, scale=1.0)
        ahead, behind = (
            objective.hessian_product(objective.at(params + sign * step * d), d)
            for sign in (1.0, -1.0)
        )
        found = objective.third(objective.at(params), d)
        np.testing.assert_allclose(found, (ahead - behind) / (2 * step), atol=1e-8)

    def test_explicit_hessian_agrees_with_products(self, options):
        """Of steps with class sum zero, known by the differences to the last class."""
        objective = draw_problem(**options)
        point = objective.at(draw_params(objective))
        n_outputs, width = objective.map.shape
        free = max(1, n_outputs - 1)
        hessian = objective.hessian(point)
        steps = np.zeros((free * width, n_outputs, width))
        steps[:, :free] = np.eye(free * width).reshape(-1, free, width)
        if n_outputs > 1:
            steps -= steps.mean(axis=1, keepdims=True)
        steps = steps.reshape(len(steps), -1)
        products = np.array([objective.hessian_product(point, step) for step in steps])
        np.testing.assert_allclose(hessian, steps @ products.T, atol=1e-12)

    def test_moments_from_products_and_class_blocks_are_those_of_the_rows(self, options):
        objective, kept = draw_problem(**options), draw_problem(**options, products=True)
        params = draw_params(objective)
        for found, expected in zip(
            kept.class_blocks(kept.at(params)),
            objective.class_blocks(objective.at(params)),
            strict=True,
        ):
            np.testing.assert_allclose(found, expected, atol=1e-13)
        np.testing.assert_allclose(
            kept.hessian(kept.at(params)), objective.hessian(objective.at(params)), atol=1e-13
        )
        units = np.eye(len(params))
        full = np.array([objective.hessian_product(objective.at(params), u) for u in units])
        width = objective.map.shape[1]
        blocks, _ = objective.class_blocks(objective.at(params))
        for k, block in enumerate(blocks):
            part = slice(k * width, (k + 1) * width)
            ridge = np.diag(objective.penalty.curvature[part])
            np.testing.assert_allclose(block + ridge, full[part, part], atol=1e-12)

    def test_gap_of_a_newton_step_bounds_the_distance(self, options):
        """And does so tightly, where the penalty is weak."""
        objective = draw_problem(**{**options, "alpha": 1e-4})
        point = objective.at(draw_params(objective, scale=0.0))
        for _ in range(6):
            direction = newton_direction(objective, point)
            last, point = point, objective.at(point.params + direction)
        distance = last.value - point.value
        gap = objective.newton_gap(last, newton_direction(objective, last))
        assert distance <= gap + 1e-14
        assert gap <= 1.05 * distance + 1e-14

    def test_moments_that_came_with_a_point_spare_its_gap_a_visit(self, options):
        plain, near = draw_problem(**options), draw_problem(**options)
        near.near = True
        found = []
        for objective in (plain, near):
            point = objective.at(draw_params(objective, scale=0.1))
            passes = objective.n_passes
            gap = objective.duality_gap(point)
            found.append((point.value, point.gradient, gap, objective.n_passes - passes))
        for index in range(3):
            np.testing.assert_allclose(found[1][index], found[0][index], rtol=1e-9, atol=1e-14)
        spared = 0.5 if options.get("intercept", True) else 0.0
        assert found[1][3] == found[0][3] - spared

    def test_diagonal_of_the_curvature(self, options):
        objective = draw_problem(**options)
        point = objective.at(draw_params(objective))
        units = np.eye(len(point.params))
        diagonal = [objective.hessian_product(point, unit) @ unit for unit in units]
        found = objective.curvature_diagonal(point).ravel()
        np.testing.assert_allclose(found, diagonal, rtol=1e-9)

    def test_gradients_of_the_classes_sum_to_zero(self, options):
        objective = draw_problem(**{**options, "alpha": 0.0})
        gradient = objective.at(draw_params(objective)).gradient.reshape(objective.map.shape)
        if objective.target.n_outputs > 1:
            np.testing.assert_allclose(gradient.sum(axis=0), 0.0, atol=1e-14)

    @pytest.mark.parametrize("eager", [False, True])
    def test_line_of_cached_logits_is_the_line_evaluated_anew(self, options, eager):
        fused = draw_problem(**options)
        cached = draw_problem(**options, cached=True)
        cached.eager = eager
        start, direction = draw_params(fused), draw_params(fused, seed=9)
        lines = [problem.line(problem.at(start), direction) for problem in (fused, cached)]
        for step in (1.0, 0.3, 20.0, 500.0):
            np.testing.assert_allclose(*[line.evaluate(step) for line in lines], rtol=1e-10)
        ends = [line.take(step) for line in lines]
        assert np.array_equal(ends[0].params, ends[1].params)
        np.testing.assert_allclose(ends[0].value, ends[1].value, rtol=1e-12)
        np.testing.assert_allclose(ends[0].gradient, ends[1].gradient, atol=1e-9)
        products = [
            problem.hessian_product(end, direction)
            for problem, end in zip((fused, cached), ends, strict=True)
        ]
        np.testing.assert_allclose(*products, atol=1e-9)

    def test_any_number_of_threads_gives_the_same_bits(self, options):
        found = []
        for count in (1, 2, 3, 7):
            objective = draw_problem(**options)
            objective.threads.count = count
            params = draw_params(objective)
            point = objective.at(params)
            found.append(
                (
                    point.value,
                    *point.gradient,
                    *objective.hessian_product(point, params[::-1].copy()),
                    *objective.gram().ravel(),
                    objective.duality_gap(point),
                    *objective.leverages(),
                    *active(objective, point, 0.1).hessian_product(point, params[::-1]),
                )
            )
        assert found[0] == found[1] == found[2] == found[3]

    def test_gram_and_leverages_are_those_of_the_rows(self, options):
        objective = draw_problem(**options)
        rows = objective.map.rows()[:, : objective.map.shape[1]]
        weights = np.ones(len(rows)) if objective.weights is None else objective.weights
        expected = (rows.T * (weights / weights.sum())) @ rows
        np.testing.assert_allclose(objective.gram(), expected, atol=1e-13)
        norms = np.sum(rows[:, : objective.map.n_features] ** 2, axis=1)
        np.testing.assert_allclose(
            objective.leverages(), 0.5 + 0.5 * norms / norms.mean(), rtol=1e-5
        )

    def test_products_of_active_rows_are_those_of_the_hessian(self, options):
        objective = draw_problem(**options)
        point, vector = objective.at(draw_params(objective)), draw_params(objective, seed=9)
        rows = active(objective, point, 0.0)
        expected = objective.hessian_product(point, vector)
        size = np.abs(expected).max()
        np.testing.assert_allclose(rows.hessian_product(point, vector), expected, atol=1e-5 * size)
        blocks, _ = objective.class_blocks(point)
        np.testing.assert_allclose(rows.class_blocks(), blocks, atol=2e-3 * np.abs(blocks).max())

    def test_active_rows_are_the_fewest_that_carry_the_curvature(self, options):
        objective = draw_problem(**options)
        point, importance = objective.at(draw_params(objective)), objective.leverages()
        table = objective.variance_table(point, objective.candidates())
        sizes = np.sort(table.sum(axis=0, dtype=float) * importance)[::-1]
        for omitted in (0.5, 0.1, 0.01):
            n_active = len(active(objective, point, omitted))
            assert sizes[:n_active].sum() >= (1 - 1e-5 - omitted) * sizes.sum()
            assert sizes[: n_active - 1].sum() <= (1 + 1e-5 - omitted) * sizes.sum()
            assert objective.active_rows(point, importance, omitted, n_active - 1) is None

    def test_float32_products_are_close(self, options):
        objective = draw_problem(**options)
        half = draw_problem(**options, dtype=np.float32)
        params = draw_params(objective)
        exact, point = objective.at(params), half.at(params)
        np.testing.assert_allclose(point.value, exact.value, rtol=1e-5)
        np.testing.assert_allclose(point.gradient, exact.gradient, atol=1e-5)
        assert point.gradient.dtype == np.float64


@pytest.mark.parametrize("weighted", [False, True])
def test_label_is_its_one_hot_soft_label(weighted):
    hard, soft = (draw_problem(kind, weighted=weighted) for kind in ("labels", "one-hot"))
    params = draw_params(hard)
    points = hard.at(params), soft.at(params)
    np.testing.assert_allclose(points[0].value, points[1].value, rtol=1e-13)
    np.testing.assert_allclose(points[0].gradient, points[1].gradient, atol=1e-14)
    gaps = hard.duality_gap(points[0]), soft.duality_gap(points[1])
    np.testing.assert_allclose(*gaps, rtol=1e-9)


@few_problems
class TestWeights:
    def test_scale_of_the_weights_changes_nothing(self, options):
        one, other = draw_problem(**{**options, "weighted": True}), draw_problem(**options)
        other = Objective(one.map, one.target, one.penalty, 1e-3 * one.weights, threads=one.threads)
        params = draw_params(one)
        points = one.at(params), other.at(params)
        np.testing.assert_allclose(points[0].value, points[1].value, rtol=1e-13)
        np.testing.assert_allclose(points[0].gradient, points[1].gradient, atol=1e-14)


# The certificate.


def optimum(objective):
    start = np.zeros(np.prod(objective.map.shape))
    return SOLVERS["newton"](objective, start, tol=1e-13, max_iter=100).value


@few_problems
class TestCertificate:
    @pytest.mark.parametrize("alpha", [1e-4, 0.1, 10.0])
    @pytest.mark.parametrize("scale", [0.0, 1e-3, 0.1, 1.0, 10.0])
    def test_gap_is_an_upper_bound_at_random_points(self, options, alpha, scale):
        objective = draw_problem(**options, alpha=alpha)
        best = optimum(objective)
        for seed in range(3):
            point = objective.at(draw_params(objective, seed=seed, scale=scale))
            gap = objective.duality_gap(point)
            assert gap >= (point.value - best) * (1 - 1e-9) - 1e-13

    @pytest.mark.parametrize("solver", ["lbfgs", "newton"])
    def test_gap_is_an_upper_bound_on_the_way_and_shrinks_to_the_tolerance(self, options, solver):
        objective = draw_problem(**options, alpha=1e-3)
        best = optimum(objective)
        start = objective.map.at_intercept(objective.target.prior_logits(objective.weights))
        for max_iter in range(1, 20):
            result = SOLVERS[solver](objective, start, tol=1e-10, max_iter=max_iter)
            assert result.gap >= result.value - best - 1e-14
        assert result.gap <= 1e-10 * result.value

    def test_gap_is_not_far_from_the_truth_near_the_optimum(self, options):
        """A bound of a thousand times the distance would stop nobody."""
        objective = draw_problem(**options, alpha=0.1)
        start = np.zeros(np.prod(objective.map.shape))
        best = SOLVERS["newton"](objective, start, tol=1e-13, max_iter=100)
        point = objective.at(best.params + draw_params(objective, scale=1e-5))
        gap, distance = objective.duality_gap(point), point.value - best.value
        assert distance - 1e-14 <= gap <= 1000 * distance


@pytest.mark.parametrize("kind", ["labels", "binary", "soft", "smoothed", "binary-offset"])
@pytest.mark.parametrize("size", [1e-16, 1e-14, 1e-13, 1e-12, 1e-11, 1e-9])
def test_gap_exists_however_small_the_imbalance_of_the_classes(kind, size):
    """Rounding of a gradient near zero must not make the bound infinite."""
    objective = draw_problem(kind, weighted=True)
    start = np.zeros(np.prod(objective.map.shape))
    best = SOLVERS["newton"](objective, start, tol=1e-15, max_iter=100)
    for seed in range(5):
        point = objective.at(best.params + draw_params(objective, seed=seed, scale=size))
        assert 0 <= objective.duality_gap(point) <= 1e-12 + 1e3 * size**2


@given(
    seed=st.integers(0, 1000),
    kind=st.sampled_from(
        ["labels", "binary", "soft", "smoothed", "binary-soft", "offset", "binary-offset"]
    ),
    n=st.integers(4, 60),
    p=st.integers(1, 6),
    log_alpha=st.integers(-6, 2),
    intercept=st.booleans(),
    weighted=st.booleans(),
)
def test_gap_is_an_upper_bound_for_any_problem(seed, kind, n, p, log_alpha, intercept, weighted):
    objective = draw_problem(
        kind, "standardised", weighted, intercept, 10.0**log_alpha, n=n, p=p, seed=seed
    )
    if np.any(objective.target.frequencies(objective.weights) == 0) and intercept:
        return  # without a row of a class the optimum lies at infinity
    best = optimum(objective)
    for scale in (0.01, 1.0):
        point = objective.at(draw_params(objective, seed=seed, scale=scale))
        assert objective.duality_gap(point) >= (point.value - best) * (1 - 1e-9) - 1e-12


# Blocks, scratch and predictions.


@given(
    n_rows=st.integers(0, 5000),
    block_rows=st.integers(1, 700),
    total_bytes=st.sampled_from([0, 1 << 10, 1 << 21, 1 << 26]),
)
def test_blocks_cover_the_rows_once_in_order(n_rows, block_rows, total_bytes):
    blocks = RowBlocks(n_rows, block_rows, total_bytes)
    flat = [block for chunk in blocks.chunks for block in chunk]
    covered = [row for block in flat for row in range(block.start, block.stop)]
    assert covered == list(range(n_rows))
    assert blocks.largest == max(block.stop - block.start for block in flat) <= block_rows
    assert all(blocks.chunks)
    assert len(blocks.chunks) in {1, 2, 4, 8, 12, 16}  # even shares for threads


@pytest.mark.parametrize("count", [1, 2, 5])
def test_sums_over_blocks_are_sums(count):
    threads, numbers = Threads(), np.arange(1000.0)
    threads.count = count

    def visit(rows, totals):
        totals[0][:] += numbers[rows].sum()

    (total,) = RowBlocks(1000, 30).sum(visit, lambda: (np.zeros(1),), threads)
    assert total == numbers.sum()
    seen = np.zeros(1000)
    RowBlocks(1000, 30).for_each(lambda rows: seen.__setitem__(rows, seen[rows] + 1), threads)
    assert np.all(seen == 1)


def test_scratch_is_contiguous_and_apart():
    first, second = Scratch(2, 3, 10, np.float32).blocks(4)
    assert first.shape == second.shape == (3, 4)
    assert first.flags.c_contiguous
    assert not np.shares_memory(first, second)


@few_problems
def test_predictions_are_those_of_the_objective(options):
    objective = draw_problem(**options, alpha=0.0)
    if isinstance(objective.target, SoftLabels):
        return
    params, threads = draw_params(objective), Threads()
    map = objective.map
    logs = predict.log_probabilities(map, params, threads)
    proba = predict.probabilities(map, params, threads)
    np.testing.assert_allclose(np.exp(logs), proba, atol=1e-15)
    np.testing.assert_allclose(proba.sum(axis=1), 1.0, rtol=1e-14)
    binary = objective.target.n_outputs == 1
    labels = (objective.target.sign < 0).astype(int) if binary else objective.target.labels
    loss = np.average(-logs[np.arange(len(logs)), labels], weights=objective.weights)
    value = objective.at(params).value
    mean = predict.mean_loss(map, params, objective.target, objective.weights, threads)
    np.testing.assert_allclose([mean, value], loss, rtol=1e-13)
