"""How training moves: gradient flows with bounds, and optimisers from many starts against the known minimum."""
