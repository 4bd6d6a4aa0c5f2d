"""Least squares with a concave penalty of the singular values: local minima and lower bounds."""
