"""Floating point: arrays, eigenpairs, triangular factors, roots and products in twice the working precision."""
