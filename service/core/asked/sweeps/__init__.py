"""The global minimum as decay, noise, width or depth is varied: points, columns and phase boundaries."""
