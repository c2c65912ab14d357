"""How fits ended: what their user has to know."""

import warnings

from sklearn.exceptions import ConvergenceWarning

from .._solvers import Outcome

_ADVICE = {
    Outcome.MAX_ITER: "Increase max_iter or tol.",
    Outcome.STALLED: "Use float64 data or a larger tol.",
    Outcome.ROUNDED: "Use float64 data, or subtract from columns what they have in common.",
    Outcome.AT_INFINITY: "The coefficients returned are finite; use a finite C and no "
    "penalty_factor of 0.",
}
_SHORT = (
    Outcome.MAX_ITER,
    Outcome.STALLED,
    Outcome.ROUNDED,
)  # of what was asked, and more could help


def warn_outcome(result, tol):
    """Tell the user how far a fit is from the optimum, where that is more than asked."""
    if result.outcome in (Outcome.CONVERGED, Outcome.INTERRUPTED):
        return
    share = result.gap / result.value if result.value > 0 else result.gap
    if result.outcome is Outcome.AT_INFINITY:
        distance = f"The loss is about {result.gap:.1e} nats above its infimum"
    else:
        distance = (
            f"The objective is certified to be within a relative gap of {share:.1e} of the "
            f"optimum (tol={tol:g})"
        )
    warnings.warn(
        f"{result.outcome.value} {distance}, after {result.n_iter} iterations. "
        f"{_ADVICE[result.outcome]}",
        ConvergenceWarning,
        stacklevel=3,
    )


def warn_outcomes(results, tol):
    """Tell the user how many of many fits are how far from the optimum, in one warning."""
    told, all_fits = [], f"of {len(results)} fits"
    infinite = [result.gap for result in results if result.outcome is Outcome.AT_INFINITY]
    if infinite:
        told.append(
            f"{Outcome.AT_INFINITY.value[:-1]} in {len(infinite)} {all_fits}. Their loss is at "
            f"most about {max(infinite):.1e} nats above its infimum. {_ADVICE[Outcome.AT_INFINITY]}"
        )
    short = [result for result in results if result.outcome in _SHORT]
    if short:
        shares = [each.gap / each.value if each.value > 0 else each.gap for each in short]
        outcomes = {result.outcome for result in short}
        advice = " ".join(_ADVICE[outcome] for outcome in Outcome if outcome in outcomes)
        told.append(
            f"{len(short)} {all_fits} were not certified to tol={tol:g}: the objective of the "
            f"worst is within a relative gap of {max(shares):.1e} of its optimum. {advice}"
        )
    if told:
        warnings.warn(" ".join(told), ConvergenceWarning, stacklevel=3)
