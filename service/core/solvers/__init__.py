"""Solvers: one closed form or certified method a file, each with the hypotheses that it needs."""
