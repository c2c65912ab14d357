"""Softmax regression and calibration of class probabilities for scikit-learn."""

from . import metrics
from ._calibrator import SoftmaxCalibrator
from ._core.cross_entropy import cross_entropy
from ._core.softmax import log_softmax, softmax
from ._cross_calibration import SoftmaxCalibratedClassifierCV
from ._cv_curve_display import CVCurveDisplay
from ._regression import SoftmaxRegression
from ._regression_cv import SoftmaxRegressionCV
from ._regression_path import softmax_regression_path

__all__ = [
    "CVCurveDisplay",
    "SoftmaxCalibratedClassifierCV",
    "SoftmaxCalibrator",
    "SoftmaxRegression",
    "SoftmaxRegressionCV",
    "cross_entropy",
    "log_softmax",
    "metrics",
    "softmax",
    "softmax_regression_path",
]
__version__ = "0.1.0.dev0"
