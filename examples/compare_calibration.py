"""Which model has the best probabilities, before and after calibration? Three models of digits.

Naive Bayes is far too sure of itself, a random forest not sure enough, and a linear support vector
machine has no probabilities at all: its decision function is read as logits. Each is wrapped in
`SoftmaxCalibratedClassifierCV`, which calibrates it on rows that it was not trained on. The table
shows the log-loss, the part of it that calibration can take away, the Brier score, and the
calibration error with its interval. The picture has the three reliability diagrams.
"""

import numpy as np
from matplotlib import pyplot as plt
from scipy.special import softmax
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from sklearn_softmax import SoftmaxCalibratedClassifierCV
from sklearn_softmax.metrics import (
    ReliabilityDisplay,
    bootstrap_interval,
    expected_calibration_error,
    score_decomposition,
)

X_train, X_test, y_train, y_test = train_test_split(
    *load_digits(return_X_y=True), test_size=0.5, random_state=0
)
MODELS = {
    "Naive Bayes": GaussianNB(),
    "Random forest": RandomForestClassifier(random_state=0),
    "Linear SVM": make_pipeline(StandardScaler(), LinearSVC(C=0.1)),
}


def probabilities(model):
    """Of the test rows; a model without any has the softmax of its decision function."""
    if hasattr(model, "predict_proba"):
        return model.predict_proba(X_test)
    return softmax(model.decision_function(X_test), axis=1)


def report(name, y_proba):
    parts = score_decomposition(y_test, y_proba, cv=3)
    brier = np.mean(np.sum((y_proba - np.eye(10)[y_test]) ** 2, axis=1))
    error = bootstrap_interval(
        expected_calibration_error, y_test, y_proba, random_state=0, n_bins=10
    )
    print(
        f"{name:18}{parts.score:9.3f}{parts.calibration:13.3f}{brier:9.3f}"
        f"{error.estimate:9.3f}   {max(error.low, 0.0):.3f} to {error.high:.3f}"
    )


print(f"Digits: {len(y_train)} rows to train and calibrate, {len(y_test)} others to measure\n")
print(f"{'':18}{'log-loss':>9}{'calibration':>13}{'Brier':>9}{'ECE':>9}   95 % interval")
figure, row_of_axes = plt.subplots(1, 3, figsize=(12, 5.4))
figure.subplots_adjust(left=0.055, right=0.985, bottom=0.29, top=0.92)
for axes, (name, model) in zip(row_of_axes, MODELS.items(), strict=True):
    before = probabilities(model.fit(X_train, y_train))
    after = probabilities(SoftmaxCalibratedClassifierCV(model, cv=3).fit(X_train, y_train))
    report(name, before)
    report("  calibrated", after)
    for label, color, y_proba in (("before", "C1", before), ("after", "C0", after)):
        ReliabilityDisplay.from_predictions(y_test, y_proba, name=label, ax=axes, color=color)
    axes.set_title(name)

figure.savefig("compare_calibration.png", dpi=150)
print("\nPicture: compare_calibration.png")
