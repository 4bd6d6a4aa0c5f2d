"""How curved minima are: the flattest of them, the curvature of given weights, the tangent kernel."""
