"""Linear maps from parameters to logits, each known by its forward and its adjoint."""
