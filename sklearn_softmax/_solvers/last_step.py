"""A Newton step from where a fit ended, for a certificate of its own."""

from . import costs
from .steps.conjugate import newton_step
from .steps.newton_equation import NewtonStep
from .steps.schedule import MetricSchedule

_PASSES = 300  # that the step may cost
_ACCURACY = 1e-4


def last_step(objective, params):
    """The Newton step at some parameters, exact where the Hessian is not too dear."""
    point, map = objective.at(params), objective.map
    if costs.newton_pays_after(_PASSES, map.n_rows, map.n_entries, *map.shape):
        return NewtonStep(objective, point).direction
    metric = MetricSchedule(objective).renew(point)
    options = {"accuracy": _ACCURACY, "max_iter": _PASSES}
    return newton_step(objective, point, metric, **options).direction
