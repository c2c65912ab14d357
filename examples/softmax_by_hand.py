"""Softmax and cross-entropy by hand.

Three scores become three probabilities, first with nothing but `numpy.exp`, then with the
functions of this package, then with PyTorch where it is installed. All say the same.
"""

import numpy as np

from sklearn_softmax import cross_entropy, log_softmax, softmax

logits = np.array([2.0, 1.0, 0.1])
label = 0

print("1. By hand: exponentials, divided by their sum")
powers = np.exp(logits)
by_hand = powers / powers.sum()
print("   logits      ", logits)
print("   exponentials", powers.round(6))
print("   divided     ", by_hand.round(6))
print("   softmax     ", softmax(logits).round(6))
assert np.allclose(softmax(logits), [0.659001, 0.242433, 0.098566], atol=1e-6)

print("\n2. Why the maximum is subtracted: add 1000 to each logit")
with np.errstate(over="ignore", invalid="ignore"):
    overflown = np.exp(logits + 1000)
    print("   exponentials", overflown)
    print("   divided     ", overflown / overflown.sum())
shifted = np.exp(logits + 1000 - (logits + 1000).max())
print("   maximum first", (shifted / shifted.sum()).round(6))
print("   softmax     ", softmax(logits + 1000).round(6))
assert np.allclose(softmax(logits + 1000), by_hand)

print("\n3. Why log_softmax is a function of its own: one logit is far ahead")
far = np.array([0.0, 1000.0])
with np.errstate(divide="ignore"):
    print("   log of softmax", np.log(softmax(far)))
print("   log_softmax   ", log_softmax(far))

print("\n4. Cross-entropy: how surprised is the model by the label? (nats)")
print(f"   -log p[label]  {-np.log(by_hand[label]):.6f}")
print(f"   cross_entropy  {cross_entropy(logits, label):.6f}")
loss, gradient = cross_entropy(logits, label, return_gradient=True)
print("   gradient       ", gradient.round(6), " probabilities, minus 1 at the label")
assert np.allclose(gradient, by_hand - np.eye(3)[label])

print("\n5. The same with PyTorch")
try:
    import torch
except ImportError:
    print("   not installed here: pip install torch")
else:
    tensor = torch.tensor(logits)
    print("   nn.Softmax         ", torch.nn.Softmax(dim=0)(tensor).numpy().round(6))
    theirs = torch.nn.CrossEntropyLoss()(tensor, torch.tensor(label)).item()
    print(f"   nn.CrossEntropyLoss {theirs:.6f}")
    assert np.isclose(theirs, loss)
