"""CVCurveDisplay: what is drawn is what the model knows."""

import numpy as np
import pytest
from matplotlib import pyplot as plt
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import ShuffleSplit

from sklearn_softmax import CVCurveDisplay, SoftmaxRegression, SoftmaxRegressionCV

X, Y = load_iris(return_X_y=True)
CS = [0.01, 1.0, 100.0]


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def test_losses_errors_and_choices_are_drawn():
    model = SoftmaxRegressionCV(CS).fit(X, Y)
    display = CVCurveDisplay.from_estimator(model, name="five folds", color="tab:red")
    (line,), axes = display.lines_, display.ax_
    np.testing.assert_array_equal(line.get_xdata(), CS)
    np.testing.assert_array_equal(line.get_ydata(), -model.mean_score_)
    assert line.get_color() == "tab:red"
    assert [each.get_xdata()[0] for each in display.choices_] == [model.C_best_, model.C_1se_]
    assert axes.get_xscale() == "log"
    assert "nats" in axes.get_ylabel()
    heights = np.concatenate(
        [path.vertices[:, 1] for each in axes.collections for path in each.get_paths()]
    )
    assert heights.max() == pytest.approx((model.std_error_ - model.mean_score_).max())
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels[0] == "five folds"
    assert f"best: C = {model.C_best_:.3g}" in labels


def test_two_curves_share_axes():
    first = CVCurveDisplay.from_estimator(SoftmaxRegressionCV(CS).fit(X, Y))
    other = SoftmaxRegressionCV(CS, cv="loo").fit(X, Y)
    second = CVCurveDisplay.from_estimator(other, ax=first.ax_, choices=False)
    assert second.figure_ is first.figure_
    assert second.choices_ == []
    assert len(first.ax_.lines) == 4


def test_one_curve_for_each_share_of_the_norm():
    model = SoftmaxRegressionCV(CS, l1_ratios=[0.0, 0.5]).fit(X, Y)
    display = CVCurveDisplay.from_estimator(model)
    assert len(display.lines_) == 2
    assert display.lines_[1].get_label() == "l1_ratio = 0.5"


def test_scores_of_a_scorer_are_drawn_as_they_are():
    model = SoftmaxRegressionCV(CS, scoring="balanced_accuracy").fit(X, Y)
    display = CVCurveDisplay.from_estimator(model)
    np.testing.assert_array_equal(display.lines_[0].get_ydata(), model.mean_score_)
    assert display.ax_.get_ylabel() == "balanced accuracy"


def test_one_fold_has_neither_band_nor_second_choice():
    model = SoftmaxRegressionCV(CS, cv=ShuffleSplit(1, random_state=0)).fit(X, Y)
    display = CVCurveDisplay.from_estimator(model)
    assert len(display.ax_.collections) == 0
    assert len(display.choices_) == 1


def test_other_estimators_are_refused():
    with pytest.raises(TypeError, match="must be a SoftmaxRegressionCV"):
        CVCurveDisplay.from_estimator(SoftmaxRegression().fit(X, Y))
    with pytest.raises(NotFittedError):
        CVCurveDisplay.from_estimator(SoftmaxRegressionCV())
