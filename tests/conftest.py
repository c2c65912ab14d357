"""Settings that all tests share."""

import os

os.environ.setdefault("MPLBACKEND", "Agg")  # pictures are drawn, never shown

from hypothesis import settings  # noqa: E402

# The same examples in every run, and no deadline on a busy machine.
settings.register_profile("house", derandomize=True, deadline=None)
settings.load_profile("house")
