"""Relative logits of all rows at a point, and their changes along a line from it."""

import numpy as np


class LogitCache:
    """Class-major blocks of relative logits and margins, allocated once for a whole fit.

    A step along a line is remembered and added to a block when the block is next used, while
    it is in the processor's cache anyway. Blocks are known by their first row; threads may
    work on different blocks at a time.

    Parameters
    ----------
    n_outputs : int
        Rows of a block.
    dtype : dtype
        Of its numbers.
    """

    def __init__(self, n_outputs, dtype):
        self._n_outputs, self._dtype = n_outputs, dtype
        self._relative, self._margins, self._steps = {}, {}, {}
        self._probabilities, self._known = {}, set()

    def relative(self, rows):
        """Relative logits of a slice of rows; uninitialised at first."""
        relative = self._block(self._relative, rows)
        step = self._steps.pop(rows.start, None)
        if step is not None:
            margins = self._margins[rows.start]
            if step != 1.0:
                margins *= step
            relative += margins
        return relative

    def margins(self, rows):
        """Changes of the relative logits along the present line; uninitialised at first."""
        return self._block(self._margins, rows)

    def probabilities(self, rows, out):
        """Copy the probabilities of a slice of rows, if they are known; tells whether they are."""
        if rows.start not in self._known:
            return False
        np.copyto(out, self._probabilities[rows.start])
        return True

    def keep(self, probabilities, rows):
        """Know the probabilities of a slice of rows, until the next step."""
        np.copyto(self._block(self._probabilities, rows), probabilities)
        self._known.add(rows.start)

    def advance(self, step):
        """Move all rows by `step` along the line."""
        self._known.clear()
        self._steps = dict.fromkeys(self._relative, float(step))

    def _block(self, blocks, rows):
        block = blocks.get(rows.start)
        if block is None:
            shape = (self._n_outputs, rows.stop - rows.start)
            block = blocks[rows.start] = np.empty(shape, self._dtype)
        return block
