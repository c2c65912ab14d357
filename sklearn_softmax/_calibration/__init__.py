"""From another model's scores to calibrated probabilities."""
