"""Learn from a teacher: soft labels on the digits, against the labels that the teacher saw.

A support vector machine with a Gaussian kernel knows digits well and predicts slowly. Its
probabilities say more about a row than a label does: how much a 7 looks like a 1. A softmax
regression that is fitted to them needs no labels of its own, so it may learn from rows that
nobody has labelled.
"""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

from sklearn_softmax import SoftmaxCalibratedClassifierCV, SoftmaxRegression

X, y = load_digits(return_X_y=True)
X = X / 16.0
X_rest, X_test, y_rest, y_test = train_test_split(X, y, test_size=600, random_state=0)
X_labelled, X_unlabelled, y_labelled, _ = train_test_split(
    X_rest, y_rest, train_size=300, random_state=0
)

teacher = SoftmaxCalibratedClassifierCV(SVC(C=10.0), cv=5).fit(X_labelled, y_labelled)
teacher_proba = teacher.predict_proba(X_test)
teacher_loss = -np.mean(np.log(teacher_proba[np.arange(len(y_test)), y_test]))
print(f"Teacher, {len(X_labelled)} labelled rows: held-out log-loss {teacher_loss:.3f}, "
      f"accuracy {teacher.score(X_test, y_test):.3f}")  # fmt: skip

students = {
    "labels": (X_labelled, y_labelled, {}),
    "smoothed labels": (X_labelled, y_labelled, {"label_smoothing": 0.05}),
    "soft labels": (X_labelled, teacher.predict_proba(X_labelled), {}),
    "soft labels, all rows": (X_rest, teacher.predict_proba(X_rest), {}),
}
strengths = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
print("\nHeld-out log-loss of students, for several C")
print(f"{'learns from':>22}" + "".join(f"{C:>8g}" for C in strengths))
for name, (rows, target, options) in students.items():
    losses = [
        SoftmaxRegression(C, **options).fit(rows, target).log_loss(X_test, y_test)
        for C in strengths
    ]
    print(f"{name:>22}" + "".join(f"{loss:8.3f}" for loss in losses))
