"""Points of the landscape, their curvature and class; what theorems and data say of the whole."""
