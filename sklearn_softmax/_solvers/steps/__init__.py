"""What solvers are made of: metrics, directions and lines."""
