"""How strong a penalty? Folds, the rule of one standard error, and leave-one-out without refits.

Few rows of many features, most of them useless: a weak penalty learns noise, a strong one
forgets the rest. Three ways to choose are compared with what an ocean of new rows says.
"""

import time

import numpy as np
from matplotlib import pyplot as plt
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split

from sklearn_softmax import CVCurveDisplay, SoftmaxRegression, SoftmaxRegressionCV

X, y = make_classification(
    20_000,
    60,
    n_informative=8,
    n_redundant=4,
    n_classes=4,
    n_clusters_per_class=1,
    class_sep=0.8,
    random_state=0,
)
X_train, X_test, y_train, y_test = train_test_split(X, y, train_size=400, random_state=0)
Cs = np.geomspace(1e-4, 1.0, 25)

models = {
    "5 folds, best": SoftmaxRegressionCV(Cs, cv=5),
    "5 folds, one standard error": SoftmaxRegressionCV(Cs, cv=5, rule="1se"),
    "leave-one-out, best": SoftmaxRegressionCV(Cs, cv="loo"),
}
print(f"{'':30s}        C  test log-loss  accuracy     ms")
for name, model in models.items():
    began = time.perf_counter()
    model.fit(X_train, y_train)
    took = 1e3 * (time.perf_counter() - began)
    loss, accuracy = model.log_loss(X_test, y_test), model.score(X_test, y_test)
    print(f"{name:30s} {model.C_:8.4f} {loss:14.4f} {accuracy:9.3f} {took:6.0f}")

# What nobody has: the loss of 19 600 new rows, at each C.
fits = [SoftmaxRegression(C).fit(X_train, y_train) for C in Cs]
truth = [fit.log_loss(X_test, y_test) for fit in fits]
print(f"{'the best for the test rows':30s} {Cs[np.argmin(truth)]:8.4f} {min(truth):14.4f}")

figure, axes = plt.subplots(figsize=(6.6, 4.2), layout="constrained")
CVCurveDisplay.from_estimator(models["5 folds, best"], name="5 folds", ax=axes)
CVCurveDisplay.from_estimator(
    models["leave-one-out, best"], name="leave-one-out", ax=axes, choices=False, color="tab:green"
)
axes.plot(Cs, truth, color="0.2", linewidth=1, label="new rows")
axes.set(ylim=(0.85 * min(truth), 1.35), title="Choosing C on 400 rows of 60 features")
axes.legend(frameon=False, loc="lower left")
figure.savefig("choose_c.png", dpi=150)
print("Picture: choose_c.png")
