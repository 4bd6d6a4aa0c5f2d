"""Noise on hidden layers: what it amounts to, weights that carry it best, and bounds under decay."""
