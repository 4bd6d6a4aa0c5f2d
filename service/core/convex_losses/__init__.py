"""Convex losses of predictions, with the slopes that searches follow and the conjugates that bounds are made of."""
