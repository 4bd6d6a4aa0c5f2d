"""Least squares with a nuclear norm: what decay on two layers amounts to."""
