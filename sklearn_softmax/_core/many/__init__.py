"""Many ridge problems on the same rows, at once."""
