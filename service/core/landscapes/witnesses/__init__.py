"""Explicit points and paths that show what a theorem claims, and checks that do not construct them."""
