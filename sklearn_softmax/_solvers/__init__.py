"""Minimisers of an objective that they know by its value, gradient and curvature."""
