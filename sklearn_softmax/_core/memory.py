"""Memory of arrays that come and go by the thousand."""

import numpy as np

_KEPT = 8 << 20  # bytes


def keep_freed_memory():
    """Let the C library keep what arrays of up to 8 MB free, at most twice as much.

    glibc gives it back to the system above a threshold of 128 KB, and has it mapped anew, page by
    page, for the next array: that takes longer than what small fits do there. The threshold
    rises to the size of what is freed, here of an array that is never touched; see mallopt(3).
    """
    np.empty(_KEPT, np.uint8)
