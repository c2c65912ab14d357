"""Softmax regression on the digits, from raw pixels: a pipeline, a grid search, and a look inside.

Pixels run from 0 to 16, some are always 0. Nothing has to be scaled for the optimiser's sake:
the metric that it works in removes the scale, and a certificate says how far it can be from the
optimum. Scaling still changes what `C` means, as it does for any penalty. So it is a choice of the
model, and the grid search makes it.
"""

import numpy as np
from matplotlib import pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_softmax import SoftmaxRegression

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0, stratify=y)

model = Pipeline([("scale", "passthrough"), ("softmax", SoftmaxRegression())])
strengths = np.logspace(-4, 1, 6)
search = GridSearchCV(
    model,
    {"scale": ["passthrough", StandardScaler()], "softmax__C": strengths},
    scoring="neg_log_loss",
    cv=5,
).fit(X_train, y_train)

# The grid runs through C fastest.
raw, scaled = -search.cv_results_["mean_test_score"].reshape(2, -1)
print("Cross-validated log-loss (nats)")
print("         C       raw    scaled")
for C, *losses in zip(strengths, raw, scaled, strict=True):
    print(f"{C:10.4f}" + "".join(f"{loss:10.4f}" for loss in losses))

best = search.best_estimator_
regression = best["softmax"]
scaling = "raw pixels" if best["scale"] == "passthrough" else "scaled pixels"
loss = regression.log_loss(best[:-1].transform(X_test), y_test)
print(f"\nBest: {scaling}, C = {regression.C:g}, {regression.n_iter_} iterations,")
print(f"certified to lie within {regression.dual_gap_:.0e} of the optimum, relatively.")
print(f"Test: log-loss {loss:.4f}, accuracy {best.score(X_test, y_test):.3f}")

figure = plt.figure(figsize=(9, 3.3), layout="constrained")
left, right = figure.subfigures(1, 2, width_ratios=(2, 3))
axes = left.subplots()
axes.loglog(strengths, raw, "o-", color="tab:blue", label="raw pixels")
axes.loglog(strengths, scaled, "s--", color="tab:orange", label="scaled pixels")
axes.set(xlabel="C", ylabel="log-loss, 5 folds", title="Scaling is a choice of the model")
axes.legend(frameon=False)
axes.spines[["top", "right"]].set_visible(False)

shown = SoftmaxRegression(C=strengths[raw.argmin()]).fit(X_train, y_train)
limit = np.abs(shown.coef_).max()
right.suptitle("Coefficients of raw pixels: red speaks for the digit, blue against", fontsize=11)
for digit, (axes, coef) in enumerate(zip(right.subplots(2, 5).flat, shown.coef_, strict=True)):
    axes.imshow(coef.reshape(8, 8), cmap="RdBu_r", vmin=-limit, vmax=limit)
    axes.set(title=digit, xticks=[], yticks=[])
figure.savefig("digits_regression.png", dpi=150)
print("Picture: digits_regression.png")
