"""Singular values that separate under weight decay: each alone, and all of them as stationary points."""
