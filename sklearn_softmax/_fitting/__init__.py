"""From data to objectives, and from their parameters back to coefficients."""
