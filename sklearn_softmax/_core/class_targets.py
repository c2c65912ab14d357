"""What `cross_entropy` compares logits with, block by block."""

import numpy as np

from . import requirements
from .class_blocks import add_classes
from .softmax import floating


class Labels:
    """Class numbers. The loss is log_sum_exp - z_y in shifted logits z."""

    def __init__(self, labels, blocks, class_weight, label_smoothing, ignore_index):
        if labels.dtype.kind not in "biu":
            requirements.reject_label_dtype(labels)
        labels, n_classes = labels.reshape(-1), blocks.n_classes
        ignored = np.zeros(labels.shape, bool) if ignore_index is None else labels == ignore_index
        bad = np.flatnonzero(((labels < 0) | (labels >= n_classes)) & ~ignored)
        if bad.size:
            requirements.reject_label(labels[bad[0]], bad[0], blocks.rows, n_classes)
        self._blocks, self._ignored, self._smoothing = blocks, ignored, label_smoothing
        self._labels = np.where(ignored, 0, labels).astype(np.intp)
        self._class_weight = class_weight

    def weigh(self, sample_weight):
        """Weights of the rows, and what a mean divides by."""
        weights = np.where(self._ignored, 0.0, sample_weight * self._class_weight[self._labels])
        return weights, np.add.reduce(weights)

    def losses(self, shifted, logs, index, rows):
        """Loss of each row; `shifted` may be overwritten."""
        return logs.reshape(-1) - shifted.reshape(-1)[self._spots(rows)]

    def residuals(self, probabilities, rows):
        """Turn probabilities into the gradient of each row's loss, in place.

        They sum to 0, which gives the entry of the label to full relative precision.
        """
        flat, spots = probabilities.reshape(-1), self._spots(rows)
        flat[spots] = 0.0
        flat[spots] = -add_classes(probabilities, self._blocks.axis).ravel()

    def _spots(self, rows):
        """Where in a block the entries of the labels are."""
        labels = self._labels[rows]
        number = np.arange(len(labels))
        if self._blocks.axis == 0:
            return labels * len(labels) + number
        return number * self._blocks.n_classes + labels


class _Dense:
    """Weighted targets w t, spread over a whole block. The loss is sum_k w_k t_k (lse - z_k)."""

    def losses(self, shifted, logs, index, rows):
        """Loss of each row; `shifted` is overwritten."""
        axis = self._blocks.axis
        self._spread = self.spread(index, rows)
        self._totals = add_classes(self._spread, axis)
        np.copyto(shifted, 0.0, where=self._spread == 0.0)
        shifted *= self._spread
        return (self._totals * logs - add_classes(shifted, axis)).reshape(-1)

    def residuals(self, probabilities, rows):
        """Turn probabilities into the gradient of each row's loss, in place."""
        probabilities *= self._totals
        probabilities -= self._spread


class SmoothedLabels(_Dense, Labels):
    """Labels, mixed with the uniform distribution."""

    def __init__(self, *arguments):
        Labels.__init__(self, *arguments)
        self._scratch = self._blocks.scratch()

    def weigh(self, sample_weight):
        """Weights of the rows, and what a mean divides by: as without smoothing."""
        return np.where(self._ignored, 0.0, sample_weight), super().weigh(sample_weight)[1]

    def spread(self, index, rows):
        """The target of a block, times the class weights, as a work array."""
        blocks, labels = self._blocks, self._labels[rows]
        work = self._scratch[: len(labels) * blocks.n_classes]
        work = work.reshape((-1, len(labels)) if blocks.axis == 0 else (len(labels), -1))
        work[...] = blocks.per_class(self._class_weight * (self._smoothing / blocks.n_classes))
        work.reshape(-1)[self._spots(rows)] += (1.0 - self._smoothing) * self._class_weight[labels]
        return work


class SoftTargets(_Dense):
    """Distributions over the classes."""

    def __init__(self, target, blocks, class_weight, label_smoothing, ignore_index):
        if ignore_index is not None:
            requirements.reject_ignore_index(ignore_index)
        if target.dtype.kind not in "biuf":
            raise TypeError(f"target must be real numbers; got dtype {target.dtype}.")
        self._blocks, self._target = blocks, blocks.view(target)
        self._class_weight = blocks.per_class(class_weight)
        self._smoothing, self._scratch = label_smoothing, blocks.scratch()
        coarsest = max(np.finfo(floating(target.dtype)).eps, np.finfo(self._scratch.dtype).eps)
        self._tolerance = requirements.sum_tolerance(float(coarsest))

    def weigh(self, sample_weight):
        """Weights of the rows, and what a mean divides by."""
        return sample_weight, np.add.reduce(sample_weight)

    def spread(self, index, rows):
        """The target of a block, times the class weights, as a work array."""
        blocks = self._blocks
        work = blocks.load(self._target[index], self._scratch)
        sums = add_classes(work, blocks.axis).reshape(-1)
        least = np.minimum.reduce(work, axis=blocks.axis)
        bad = np.flatnonzero(~((least >= 0.0) & (np.abs(sums - 1.0) <= self._tolerance)))
        if bad.size:
            row = rows.start + bad[0]
            requirements.reject_distribution(least[bad[0]], sums[bad[0]], row, blocks.rows)
        if self._smoothing:
            work *= 1.0 - self._smoothing
            work += self._smoothing / blocks.n_classes
        work *= self._class_weight
        return work
