"""How training moves: optimisers from many starts, against the known minimum."""
