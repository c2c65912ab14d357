"""Class frequencies that change: calibrate on balanced digits, predict where large ones are rare.

A model and its calibrator learn from digits that are equally frequent. Where they are used, most
digits are small ones. Probabilities that were right are then wrong, and three calibrators differ:
one that does not know, one that is told the new frequencies with `prior=`, and one that learns a
bias for each class from a few labelled rows of the new kind.
"""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import cross_val_predict

from sklearn_softmax import SoftmaxCalibrator

X, y = load_digits(return_X_y=True)
noisy = X + np.random.default_rng(0).normal(scale=8.0, size=X.shape)
model = LogisticRegression(C=1e-3, max_iter=1000)
scores = cross_val_predict(model, noisy, y, cv=5, method="decision_function")

rng = np.random.default_rng(1)
rows = rng.permutation(len(y))
balanced, others = rows[:900], rows[900:]
frequency = 0.7 ** np.arange(10)  # of the digits 0 to 9, where the model is used
shifted = others[rng.random(len(others)) < frequency[y[others]]]
few, test = shifted[: len(shifted) // 3], shifted[len(shifted) // 3 :]
prior = frequency / frequency.sum()

calibrators = {
    "uncalibrated": None,
    "calibrated on balanced digits": SoftmaxCalibrator().fit(scores[balanced], y[balanced]),
    "  and told the new frequencies": SoftmaxCalibrator(prior=prior).fit(
        scores[balanced], y[balanced]
    ),
    f"bias-corrected on {len(few)} new digits": SoftmaxCalibrator(
        "bias_corrected", classes=np.arange(10)
    ).fit(scores[few], y[few]),
}
exponentials = np.exp(scores[test] - scores[test].max(axis=1, keepdims=True))
print(f"{len(test)} digits, of which {np.mean(y[test] < 3):.0%} are 0, 1 or 2\n")
print(f"{'':36}{'log-loss':>9}{'accuracy':>10}")
for name, calibrator in calibrators.items():
    if calibrator is None:
        probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
    else:
        probabilities = calibrator.predict_proba(scores[test])
    loss = log_loss(y[test], probabilities, labels=np.arange(10))
    accuracy = accuracy_score(y[test], probabilities.argmax(axis=1))
    print(f"{name:36}{loss:9.3f}{accuracy:10.3f}")
