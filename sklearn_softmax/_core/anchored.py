"""The objective of new rows beside what is remembered of old ones."""

from .objective import Objective


class AnchoredObjective(Objective):
    """An objective whose penalty is a quadratic that is not diagonal.

    The penalty has a `product` with its second derivative. There is no certificate: solvers
    stop by the Newton decrement.
    """

    certifiable = False

    def hessian_product(self, point, vector):
        """Product of the Hessian at `point` with a vector."""
        diagonal = self.penalty.curvature * vector
        return super().hessian_product(point, vector) + (self.penalty.product(vector) - diagonal)
