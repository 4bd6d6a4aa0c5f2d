"""Bounds and checks that know the problem and the answer, never the solver."""
