"""The mathematics of softmax cross-entropy: functions, kernels, sums over row blocks."""
