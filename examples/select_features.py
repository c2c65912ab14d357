"""Which of 2000 genes tell four tumours apart? A path of the group lasso, and a choice on it.

The data are generated to look like gene expression: few samples, many genes, which act in groups
that rise and fall together, and a dozen of which differ between the tumours. Nothing but the
labels is given to the fit. The group penalty uses a gene for all classes or for none; its path
starts where no gene is used, and each fit on it is certified.
"""

import numpy as np
from matplotlib import pyplot as plt

from sklearn_softmax import SoftmaxRegression, softmax_regression_path

N_SAMPLES, N_GENES, N_PATHWAYS, N_CLASSES = 120, 2000, 100, 4
N_MARKERS = 12


def expression(rng, n_samples):
    """Expression of all genes, and tumours: a marker is raised in one of them."""
    tumours = rng.integers(0, N_CLASSES, n_samples)
    tumours[:N_CLASSES] = np.arange(N_CLASSES)
    pathways = np.arange(N_GENES) % N_PATHWAYS
    activity = rng.standard_normal((n_samples, N_PATHWAYS))
    genes = 0.6 * activity[:, pathways] + 0.8 * rng.standard_normal((n_samples, N_GENES))
    markers = np.arange(N_MARKERS)
    genes[:, markers] += 1.5 * (tumours[:, None] == markers % N_CLASSES)
    return genes, tumours


rng = np.random.default_rng(0)
X, y = expression(rng, N_SAMPLES)
X_test, y_test = expression(rng, 2000)

path = softmax_regression_path(X, y, Cs=40, eps=0.003, penalty="group")
lengths = np.linalg.norm(path.coefs, axis=1)  # of each gene's coefficients, along the path
n_used = np.count_nonzero(lengths, axis=1)

losses = []
for coef, intercept in zip(path.coefs, path.intercepts, strict=True):
    logits = X_test @ coef.T + intercept
    logits -= logits.max(axis=1, keepdims=True)
    logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
    losses.append(-logits[np.arange(len(y_test)), y_test].mean())
best = int(np.argmin(losses))

print(f"{len(path.Cs)} fits, all certified to a relative gap of {path.dual_gaps.max():.0e}")
print("        C   genes   held-out loss (nats)")
for number in range(0, len(path.Cs), 5):
    print(f"{path.Cs[number]:9.4f}   {n_used[number]:5d}   {losses[number]:8.3f}")

model = SoftmaxRegression(C=path.Cs[best], penalty="group").fit(X, y)
used = np.flatnonzero(model.coef_.any(axis=0))
found = np.count_nonzero(used < N_MARKERS)
print(
    f"\nBest: C = {model.C:.4f} with {len(used)} genes, {found} of the {N_MARKERS} markers in them"
)
print(f"Test: log-loss {model.log_loss(X_test, y_test):.3f}, of the ridge", end=" ")
ridge = min(
    SoftmaxRegression(C=C).fit(X, y).log_loss(X_test, y_test) for C in np.logspace(-5, -1, 5)
)
print(f"at its best C {ridge:.3f}; accuracy {model.score(X_test, y_test):.3f}")
print(f"Kept sparse: {model.sparsify().coef_.nnz} of {N_CLASSES * N_GENES} coefficients")

figure, (top, bottom) = plt.subplots(
    2,
    1,
    figsize=(6.5, 5.5),
    sharex=True,
    gridspec_kw={"height_ratios": (3, 2)},
    layout="constrained",
)
top.semilogx(path.Cs, lengths[:, N_MARKERS:], color="tab:gray", lw=0.6, alpha=0.6)
top.semilogx(path.Cs, lengths[:, :N_MARKERS], color="tab:red", lw=1.5)
top.plot([], [], color="tab:red", label="markers")
top.plot([], [], color="tab:gray", label="other genes")
top.set(ylabel="length of a gene's coefficients", title="Genes enter as the penalty is relaxed")
bottom.semilogx(path.Cs, losses, color="black")
bottom.set(xlabel="C", ylabel="held-out log-loss (nats)")
counts = bottom.twinx()
counts.semilogx(path.Cs, n_used, color="tab:blue", ls="--")
counts.set_ylabel("genes in use", color="tab:blue")
for axes in (top, bottom):
    axes.axvline(path.Cs[best], color="black", lw=0.8, ls=":")
    axes.spines[["top", "right"]].set_visible(False)
top.legend(frameon=False)
figure.savefig("select_features.png", dpi=150)
print("Picture: select_features.png")
