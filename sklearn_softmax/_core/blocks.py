"""Row blocks and ordered, threaded sums over them."""

import threading

import numpy as np

_TOTALS_BYTES = 8 << 20  # what all partial sums together may hold
_CHUNKS = 16  # enough for the threads of a desktop; more would only cost additions


class RowBlocks:
    """Cut rows into blocks that fit the cache and add up what a visitor finds in them.

    Blocks are grouped in chunks. A chunk adds its blocks in order, and chunks are added in
    order. Both cuts depend on the shape of the problem alone, so a sum has the same bits for
    any number of threads.

    Parameters
    ----------
    n_rows : int
        The number of rows.
    block_rows : int
        The largest number of rows of a block.
    total_bytes : int
        The size of one partial sum, which bounds the number of chunks.
    """

    def __init__(self, n_rows, block_rows, total_bytes=0):
        n_blocks = max(1, -(-n_rows // block_rows))
        most = min(_CHUNKS, _TOTALS_BYTES // max(1, total_bytes))
        even = 4 if most >= 4 else 2  # shares for 2 and 4 threads
        if n_blocks > 1:
            n_blocks = even * -(-n_blocks // even)
        n_chunks = min(n_blocks, max(2, most - most % even))
        edges = [n_rows * i // n_blocks for i in range(n_blocks + 1)]
        blocks = [slice(a, b) for a, b in zip(edges[:-1], edges[1:], strict=True)]
        cuts = [n_blocks * i // n_chunks for i in range(n_chunks + 1)]
        self.chunks = [blocks[a:b] for a, b in zip(cuts[:-1], cuts[1:], strict=True)]
        self.largest = max(block.stop - block.start for block in blocks)

    def sum(self, visit, zeros, threads):
        """Sum over blocks.

        Parameters
        ----------
        visit : callable
            ``visit(rows, total)`` adds the contribution of the slice `rows` to the arrays
            in `total`, in place.
        zeros : callable
            ``zeros()`` returns a tuple of arrays that `visit` can add to.
        threads : Threads
            Runs the chunks.

        Returns
        -------
        tuple of ndarray
        """
        if len(self.chunks) == 1:
            total = zeros()
            for rows in self.chunks[0]:
                visit(rows, total)
            return total
        totals = [None] * len(self.chunks)

        def visit_chunk(number):
            total = zeros()
            for rows in self.chunks[number]:
                visit(rows, total)
            totals[number] = total

        threads.for_each(visit_chunk, range(len(self.chunks)))
        first, *rest = totals
        for total in rest:
            for left, right in zip(first, total, strict=True):
                left += right
        return first

    def for_each(self, visit, threads):
        """Call ``visit(rows)`` for every block, in any order."""
        threads.for_each(lambda chunk: [visit(rows) for rows in chunk], self.chunks)


class Scratch(threading.local):
    """Class-major work blocks, made once for each thread: fresh memory costs page faults."""

    def __init__(self, n_arrays, n_outputs, largest, dtype):
        self._n_arrays, self._n_outputs = n_arrays, n_outputs
        self._size, self._dtype, self._flat = n_outputs * largest, dtype, None

    def blocks(self, n_rows):
        """Uninitialised arrays of shape (n_outputs, n_rows), contiguous."""
        if self._flat is None:
            self._flat = [np.empty(self._size, self._dtype) for _ in range(self._n_arrays)]
        shape = (self._n_outputs, n_rows)
        return [flat[: self._n_outputs * n_rows].reshape(shape) for flat in self._flat]
