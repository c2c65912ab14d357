"""Learn from a teacher: soft labels on the digits, where a fifth of the labels is a guess.

A support vector machine with a Gaussian kernel sees through the guesses, but predicts slowly. Its
calibrated probabilities say more about a row than a label that may be wrong: a student that is
fitted to them needs less of a penalty and comes closer to the teacher. It predicts with a single
small matrix.
"""

from time import perf_counter

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

from sklearn_softmax import SoftmaxCalibratedClassifierCV, SoftmaxRegression, cross_entropy

X, truth = load_digits(return_X_y=True)
rng = np.random.default_rng(0)
y = np.where(rng.random(len(truth)) < 0.2, rng.integers(0, 10, len(truth)), truth)
X_train, X_test, y_train, y_test, _, truth_test = train_test_split(
    X / 16.0, y, truth, train_size=1200, random_state=0
)


def milliseconds(model):
    start = perf_counter()
    model.predict_proba(X_test)
    return 1e3 * (perf_counter() - start)


teacher = SoftmaxCalibratedClassifierCV(SVC(C=2.0, gamma=0.05), cv=5).fit(X_train, y_train)
logits = np.log(teacher.predict_proba(X_test))
right = np.mean(teacher.predict(X_test) == truth_test)
print(f"Teacher: held-out log-loss {cross_entropy(logits, y_test):.3f},", end=" ")
print(f"right digits {right:.1%}, predicts in {milliseconds(teacher):.1f} ms")

students = {
    "labels": (y_train, {}),
    "smoothed labels": (y_train, {"label_smoothing": 0.1}),
    "the teacher": (teacher.predict_proba(X_train), {}),
}
strengths = (0.03, 0.1, 0.3, 1, 3, 10, 100)
print("\nHeld-out log-loss of students, for several C")
print(f"{'learns from':>16}" + "".join(f"{C:>7g}" for C in strengths))
best = {}
for name, (target, options) in students.items():
    models = [SoftmaxRegression(C, **options).fit(X_train, target) for C in strengths]
    losses = [model.log_loss(X_test, y_test) for model in models]
    best[name] = models[np.argmin(losses)]
    print(f"{name:>16}" + "".join(f"{loss:7.3f}" for loss in losses))

print("\nAt the best C")
for name, model in best.items():
    right = np.mean(model.predict(X_test) == truth_test)
    print(f"{name:>16}: right digits {right:.1%}, predicts in {milliseconds(model):.1f} ms")
