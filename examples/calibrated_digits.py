"""Probabilities that can be trusted: calibrate two classifiers of the digits.

Naive Bayes counts the same evidence many times: it is far too sure of itself. A random forest
averages over its trees: it is not sure enough. `SoftmaxCalibrator` learns how to stretch or shrink
their probabilities from rows that they were not trained on. A softmax regression minimises the
log-loss itself and stands beside them for comparison.
"""

import numpy as np
from matplotlib import pyplot as plt
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import cross_val_predict, train_test_split
from sklearn.naive_bayes import GaussianNB

from sklearn_softmax import SoftmaxCalibrator, SoftmaxRegression

X, y = load_digits(return_X_y=True)
half, other_half = train_test_split(np.arange(len(y)), test_size=0.5, random_state=0, stratify=y)


def held_out(model):
    """Probabilities of all rows, each from a model that did not see the row."""
    return cross_val_predict(model, X, y, cv=5, method="predict_proba")


def show(name, probabilities):
    accuracy = accuracy_score(y[other_half], probabilities.argmax(axis=1))
    print(f"{name:34}{log_loss(y[other_half], probabilities):9.3f}{accuracy:10.3f}")


def reliability(probabilities, n_bins=8):
    """Mean probability of a class, how often it was right, and the standard error, in bins."""
    probability, right = probabilities.ravel(), np.eye(10)[y[other_half]].ravel()
    bins = np.minimum((probability * n_bins).astype(int), n_bins - 1)
    count = np.bincount(bins, minlength=n_bins)
    enough = count >= 10
    mean, share = (
        np.bincount(bins, x, n_bins)[enough] / count[enough] for x in (probability, right)
    )
    return mean, share, np.sqrt(share * (1 - share) / count[enough])


print(f"Digits: calibrated on {len(half)} rows, measured on {len(other_half)} others\n")
print(f"{'':34}{'log-loss':>9}{'accuracy':>10}")
figure, both_axes = plt.subplots(1, 2, figsize=(9, 4.8), sharey=True, layout="constrained")
models = {"Naive Bayes": GaussianNB(), "Random forest": RandomForestClassifier(random_state=0)}
for axes, (name, model) in zip(both_axes, models.items(), strict=True):
    scores = held_out(model)
    calibrator = SoftmaxCalibrator().fit(scores[half], y[half])
    before, after = scores[other_half], calibrator.predict_proba(scores[other_half])
    show(name, before)
    show(f"  calibrated, temperature {calibrator.temperature_:.2f}", after)

    axes.plot([0, 1], [0, 1], color="0.75", linewidth=1, zorder=0)
    axes.errorbar(*reliability(before), fmt="o--", color="tab:orange", label="before")
    axes.errorbar(*reliability(after), fmt="o-", color="tab:blue", label="after")
    axes.set(title=name, xlabel="predicted probability", aspect=1)
    axes.spines[["top", "right"]].set_visible(False)
both_axes[0].set_ylabel("how often it was right")
both_axes[0].legend(frameon=False, loc="upper left")

show("Softmax regression", held_out(SoftmaxRegression(C=0.1))[other_half])

figure.savefig("calibrated_digits.png", dpi=150)
print("\nPicture: calibrated_digits.png")
