"""Bounds and checks that know the problem and the answer, never the solver: one certifier, or close family, a file."""
