"""What a stream may cost: memory for old rows and their curvature, operations for a new one."""

from .costs import blocks_cost

KEPT_NUMBERS = 1 << 20  # of features, 8 MB in float64
DENSE, BLOCKS, DIAGONAL = "dense", "blocks", "diagonal"
_DENSE_PARAMS = 1024  # 8 MB
_BLOCKS_NUMBERS = 1 << 22  # 32 MB
_PER_ROW, _PASSES = 3e5, 100.0  # operations, or passes over a row if those are more
_FEW, _MOST = 10.0, 3.0  # rows for each parameter; how much more a row may cost with fewer
_REFIT_PASSES, _STEP_PASSES = 20, 10
_PER_PARAM = 80.0  # operations of a pass, or in their time, that are not for rows


def form_kind(n_outputs, width):
    """Which curvature of old rows is kept: whole, that of each class, or its diagonal."""
    if n_outputs * width <= _DENSE_PARAMS:
        return DENSE
    return BLOCKS if n_outputs * width**2 <= _BLOCKS_NUMBERS else DIAGONAL


def refit_pays(n_new, n_rows, n_entries, n_outputs, width):
    """Whether to fit the kept rows anew, `n_new` of which came since that was last done.

    Steps in between are cheap. A fit takes some passes over the rows and makes the curvature that
    the next steps need; the share of each new row in that must not exceed a limit, which is
    higher while rows are few and each moves the parameters far.
    """
    if 2 * n_new >= n_rows:
        return True
    kind = form_kind(n_outputs, width)
    cost = _REFIT_PASSES * (4.0 * n_entries * n_outputs + _PER_PARAM * n_outputs * width)
    if kind == DENSE:
        cost += blocks_cost(1, n_rows, n_outputs * width)
    elif kind == BLOCKS:
        cost += blocks_cost(n_outputs, n_rows, width)
    return n_new * _limit(n_rows, n_entries, n_outputs, width) >= cost


def exact_rows(n_batch, n_rows, n_entries, n_outputs, width):
    """How many old rows may have exact losses in the steps between fits, one for each batch."""
    limit = _limit(n_rows, n_entries, n_outputs, width)
    left = n_batch * limit / _STEP_PASSES - _PER_PARAM * n_outputs * width
    each = 4.0 * n_entries * n_outputs / n_rows
    return int(min(n_rows - 1, max(0.0, left) / max(1.0, each)))


def _limit(n_rows, n_entries, n_outputs, width):
    """Operations that a row may cost."""
    limit = max(_PER_ROW, _PASSES * 4.0 * n_entries * n_outputs / n_rows)
    return limit * min(_MOST, 1.0 + _FEW * n_outputs * width / n_rows)
