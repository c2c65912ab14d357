"""What decides between algorithms: operations, passes over the data, and memory.

Costs are in operations of a *pass*: a product of the data with the parameters and one with the
residuals, 4 E K operations for E stored numbers and K outputs, in thin matrices. Operations in
large matrices are faster; calls take the time of `CALLS` operations, however small the data.
"""

CALLS = 2e6  # operations in the time that the calls of a pass take
LARGE_PRODUCT = 0.35  # time of an operation in a large product, relative to a pass
HESSIAN_PRODUCT = 0.7  # the same for a multiplication and an addition in a Hessian
GATHER = 4.0  # of a number that is standardised for it

_CURVATURES = 0.4  # of a pass: those of all rows
_DRAW = 0.15  # of CALLS: to draw the rows of a class
_EXPECTED_PASSES = 50
_EXPECTED_WIDE_PASSES, _EXPECTED_DUAL_STEPS = 15, 6
_SIDE_COST = 0.25  # of a pass: what may be done beside it, since it spares half a pass at times
_NEWTON_RATIO, _NEWTON_SWITCH_RATIO, _KEPT_RATIO = 0.7, 3.5, 30.0
_FEW_RATIO, _FEW_CACHED_RATIO = 5.0, 2.5  # `few_newton` needs about two Hessians
_CACHED = 1 << 17  # numbers of data that stay in the cache, with what is weighted of them
_CALLS_COST_MOST = 0.5  # operations of a pass, relative to CALLS
_HESSIAN_BYTES = 64 << 20
_KEPT_PRODUCTS, _KEPT_WIDTH = 1 << 18, 48  # numbers, features
_SHARED_PRODUCTS = 1 << 21  # the same where they serve many problems
_TOGETHER, _AT_ONCE = 1 << 24, 1 << 22  # multiplications: of about a millisecond, and less
_STACKED = 1 << 21  # numbers
_EXPECTED_PRODUCTS = 20
_HESSIAN_OF_PRODUCTS = 64  # multiplications of a Hessian, beside those of a quarter product
_SINGLE_OUTPUTS = 8
_MANY_OUTPUTS, _LONG = 64, 100.0
_MARGINS_BYTES = 8 << 20  # cached logits may take this,
_MARGINS_SHARE = 0.1  # or this share of the data


def pass_cost(n_entries, n_outputs):
    """Cost of a pass, its calls included."""
    return 4.0 * n_entries * n_outputs + CALLS


def gradients_pay(n_entries, n_outputs):
    """Whether the gradient costs less than the calls of a visit that is made for it later."""
    return 2.0 * n_entries * n_outputs <= 0.25 * CALLS


def blocks_cost(n_blocks, n_rows, width):
    """Cost of `n_blocks` Gram matrices of weighted rows, and of their Cholesky factors."""
    return LARGE_PRODUCT * n_blocks * (n_rows * width**2 + width**3 / 3.0)


def metric_ratio(n_blocks, n_drawn, width, n_entries, n_outputs):
    """Cost of a metric from drawn rows, in passes: curvatures of rows, calls and products."""
    calls = _DRAW * n_blocks * CALLS
    products = blocks_cost(n_blocks, n_drawn, width)
    return _CURVATURES + (calls + products) / pass_cost(n_entries, n_outputs)


def threads_pay(operations):
    """Whether so much work is worth waking threads that share it."""
    return operations > CALLS


def whole_blocks_pay(n_outputs, n_rows, width):
    """Whether the curvature of all rows costs no more than the calls that drawing some takes."""
    return blocks_cost(n_outputs, n_rows, width) <= CALLS


def moments_pay(n_rows, n_entries, n_outputs):
    """Whether products of all probabilities of a row are cheap beside a pass: see `Stopping`."""
    moments = LARGE_PRODUCT * 2.0 * n_rows * n_outputs**2
    return moments <= _SIDE_COST * pass_cost(n_entries, n_outputs)


def newton_ratio(n_rows, n_entries, n_outputs, width):
    """Cost of an explicit Hessian of all classes and of its Cholesky factor, in passes.

    Of each pair of classes it has the weighted products of all features, or with `products_pay`
    of all pairs of features.
    """
    free = max(1, n_outputs - 1)
    products = width**2
    if products_pay(n_rows, n_outputs, width):
        products = width * (width + 1) // 2
    sums = n_rows * products * (free * (free + 1) // 2) + (free * width) ** 3 / 3.0
    return HESSIAN_PRODUCT * sums / pass_cost(n_entries, n_outputs)


def newton_pays(ratio):
    """Whether Newton's steps, of which a quarter as many are needed, cost less from the start."""
    return ratio <= _NEWTON_RATIO


def few_newton_pays(ratio, n_entries, n_outputs):
    """Whether they do so for rows that are few enough for `few_newton`."""
    if 4.0 * n_entries * n_outputs <= _CALLS_COST_MOST * CALLS:
        return ratio <= _FEW_RATIO
    return ratio <= (_FEW_CACHED_RATIO if n_entries <= _CACHED else _NEWTON_RATIO)


def newton_pays_late(ratio):
    """Whether they cost less where the curvature has been moving for long."""
    return ratio <= _NEWTON_SWITCH_RATIO


def kept_hessian_pays(ratio):
    """Whether the Hessian at an optimum pays where it serves several fits near that."""
    return ratio <= _KEPT_RATIO


def newton_pays_after(n_products, n_rows, n_entries, n_outputs, width):
    """Whether the Hessian costs less than so many products with it, and is not too large."""
    memory = 8 * (max(1, n_outputs - 1) * width) ** 2
    ratio = newton_ratio(n_rows, n_entries, n_outputs, width)
    return ratio <= n_products and memory <= _HESSIAN_BYTES


def part_ratio(n_rows, n_entries, n_outputs, width, n_columns):
    """Cost of the part of the Hessian that some features have, and of its use, in passes."""
    free = max(1, n_outputs - 1)
    sums = n_rows * n_columns**2 * (free * (free + 1) // 2) + (free * n_columns) ** 3 / 3.0
    gathered = GATHER * n_rows * width
    return (HESSIAN_PRODUCT * sums + gathered) / pass_cost(n_entries, n_outputs) + 1.5


def part_pays(cost, steps):
    """Whether that is far less than so many more steps: in some of them it gets cheaper."""
    return cost <= 0.5 * steps


def gram_fits(width):
    """Whether a matrix of all features may be made, whatever it costs."""
    return 8 * width**2 <= _HESSIAN_BYTES


def most_active_rows(n_rows, n_entries, n_outputs, width, itemsize):
    """Rows of which a float32 copy pays: its products take less time than those of all rows.

    It may take the memory of class blocks, or the share of the data that logits may.
    """
    if pass_cost(n_entries, n_outputs) < 2.0 * CALLS:
        return 0
    small = max(2 * n_outputs * width, _MARGINS_SHARE * n_rows * itemsize / 4)
    return int(min(n_entries / width, small))


def products_pay(n_rows, n_outputs, width):
    """Whether to keep the products of the features of each row.

    They make the curvature of many classes a single product of matrices. Of many features
    they cost more than they save.
    """
    return (
        n_outputs > 1
        and width <= _KEPT_WIDTH
        and n_rows * width * (width + 1) / 2 <= _KEPT_PRODUCTS
    )


def together_pays(n_rows, n_outputs, width):
    """Whether a Newton step of a problem is so short that several are best made at once."""
    products = n_rows * width * (width + 1) // 2
    return products <= _SHARED_PRODUCTS and _step_cost(n_rows, n_outputs, width) <= _TOGETHER


def at_once_pays(n_rows, n_outputs, width):
    """Whether Hessians are so cheap that each step of each strength may have its own."""
    return together_pays(n_rows, n_outputs, width) and (
        _step_cost(n_rows, n_outputs, width) <= _AT_ONCE
    )


def _step_cost(n_rows, n_outputs, width):
    """Multiplications of a Newton step by products of features that are kept."""
    free, products = max(1, n_outputs - 1), n_rows * width * (width + 1) // 2
    return free * (free + 1) // 2 * products + (free * width) ** 3 / 3.0


def stack_pays(n_rows, n_outputs, width, n_folds):
    """Whether rows and logits of all folds are so few that copies of them do not matter."""
    free = max(1, n_outputs - 1)
    return n_rows * max(width, n_folds * free) <= _STACKED


def refits(n_outputs, width, n_rows, operations):
    """How many refits by products with the Hessian so many operations are enough for."""
    return int(operations / (_EXPECTED_PRODUCTS * 2.0 * max(1, n_outputs - 1) * n_rows * width))


def hessian_pays(n_outputs, width):
    """Whether an explicit Hessian takes no longer than the products with it that spare it."""
    free = max(1, n_outputs - 1)
    return (free + 1) * (width + 1) <= _HESSIAN_OF_PRODUCTS


def margins_pay(n_rows, n_entries, n_outputs, itemsize):
    """Whether logits and their changes may be cached, so that line searches touch no data."""
    margins = 2 * n_rows * n_outputs * itemsize
    return margins <= max(_MARGINS_BYTES, _MARGINS_SHARE * n_entries * itemsize)


def single_pays(n_entries, n_outputs):
    """Whether products of a sparse matrix are faster in float32, a copy of its numbers included.

    With few outputs they take the time of reading indices.
    """
    return n_outputs >= _SINGLE_OUTPUTS and pass_cost(n_entries, n_outputs) >= 2.0 * CALLS


def duals_pay(n_rows, n_outputs):
    """Whether Newton's steps on duals cost less than an eigenbasis and the passes there.

    For each class they take the inverse of a matrix of all rows.
    """
    duals = _EXPECTED_DUAL_STEPS * 2.0 * n_outputs * n_rows**3
    passes = _EXPECTED_WIDE_PASSES * pass_cost(n_rows**2, n_outputs)
    return LARGE_PRODUCT * (duals - 20.0 * n_rows**3) <= passes


def dense_single_pays(n_entries, n_outputs):
    """Whether float32 saves time where float64 data are cast anew for each product.

    With many outputs that costs little beside the logits.
    """
    return n_outputs >= _MANY_OUTPUTS and pass_cost(n_entries, n_outputs) >= _LONG * CALLS


def row_space_pays(n_rows, n_features, n_outputs, n_entries=None):
    """Whether the Gram matrix of the rows costs less than the passes that it saves.

    The Gram matrix takes n² p multiplications and its eigenvectors about 10 n³.
    """
    if n_features < n_rows:
        return False
    n_entries = n_rows * n_features if n_entries is None else n_entries
    gram = 2.0 * n_rows**2 * n_features + 20.0 * n_rows**3
    passes = _EXPECTED_PASSES * pass_cost(n_entries, n_outputs)
    return LARGE_PRODUCT * gram <= passes
