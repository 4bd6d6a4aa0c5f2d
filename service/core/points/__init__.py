"""One given point of a landscape: whether it is stationary, its class, its gap, and the way out."""
