"""Penalties on the parameters: value, gradient, curvature."""
