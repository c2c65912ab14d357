"""Metrics of calibration, as functions of labels and probabilities, and pictures of it."""

from .bootstrap import BootstrapInterval, bootstrap_interval
from .calibration_error import expected_calibration_error
from .decomposition import (
    ScoreDecomposition,
    calibration_loss,
    refinement_loss,
    score_decomposition,
)
from .display import ReliabilityDisplay

__all__ = [
    "BootstrapInterval",
    "ReliabilityDisplay",
    "ScoreDecomposition",
    "bootstrap_interval",
    "calibration_loss",
    "expected_calibration_error",
    "refinement_loss",
    "score_decomposition",
]
