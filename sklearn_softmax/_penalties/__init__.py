"""Penalties on the parameters: value, gradient, curvature, and what they have at a kink."""

from .elastic_net import ElasticNet
from .group import Group

__all__ = ["PENALTIES"]

PENALTIES = {"elasticnet": ElasticNet, "group": Group}
