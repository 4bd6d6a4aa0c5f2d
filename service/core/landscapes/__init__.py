"""Points of the landscape: their exact curvature, class, and the way out of them."""
