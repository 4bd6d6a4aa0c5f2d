"""Weights of linear networks: from their product, at the minimum, and all zero."""
