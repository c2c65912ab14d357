"""Time and memory of softmax and log_softmax against SciPy's, side by side in one process.

The two take turns, so that noise of the machine meets both. Run it with

    python benchmarks/softmax.py [repeats]

"""

import sys
import tracemalloc
from statistics import median
from time import perf_counter

import numpy as np
from scipy import special

from sklearn_softmax import log_softmax, softmax

SHAPES = ((1_000_000, 10), (1_000, 10_000))


def seconds(function, logits):
    start = perf_counter()
    function(logits, axis=-1)
    return perf_counter() - start


def take_turns(functions, logits, repeats):
    """Median seconds of each function; the first round, which warms up, is not counted."""
    rounds = [[seconds(function, logits) for function in functions] for _ in range(repeats + 1)]
    return [median(times) for times in zip(*rounds[1:], strict=True)]


def peak_bytes(function, logits):
    """What is allocated at most at one moment, the result included."""
    tracemalloc.start()
    function(logits, axis=-1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def main(repeats):
    print("                                     ms                       peak / logits")
    print("function     dtype    shape          ours   scipy   ratio     ours   scipy")
    pairs = ((softmax, special.softmax), (log_softmax, special.log_softmax))
    for dtype in (np.float64, np.float32):
        for shape in SHAPES:
            logits = np.random.default_rng(0).standard_normal(shape).astype(dtype)
            for pair in pairs:
                ours, theirs = take_turns(pair, logits, repeats)
                peaks = [peak_bytes(function, logits) / logits.nbytes for function in pair]
                print(
                    f"{pair[0].__name__:12} {dtype.__name__:8} {shape[0]:>7} x {shape[1]:<6}"
                    f"{1e3 * ours:7.1f} {1e3 * theirs:7.1f} {theirs / ours:7.2f}"
                    f"  {peaks[0]:7.2f} {peaks[1]:7.2f}"
                )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 11)
