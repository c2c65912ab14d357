"""How far from the optimum a point may be."""
