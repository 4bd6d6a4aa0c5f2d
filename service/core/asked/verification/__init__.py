"""Recomputes a claimed answer from the problem and the returned weights, without a solver."""
