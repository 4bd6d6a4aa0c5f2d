"""Inputs and targets far from ordinary size: what decay leaves free or absent, and units in which they are ordinary."""
