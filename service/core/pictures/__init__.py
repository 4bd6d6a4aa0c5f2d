"""What is seen of a landscape without a theorem: slices, curves, paths; every number of it an observation."""
