"""Second derivatives: what metrics, Newton's method and standard errors are made of."""
