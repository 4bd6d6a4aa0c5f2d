"""Shapes of the loss beyond single points."""
