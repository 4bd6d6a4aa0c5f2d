"""What is seen of a landscape without a theorem: slices, spectra, paths; every number of it an observation."""
