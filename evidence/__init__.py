"""Reports that compare the service with theory, with numerics and with other programs."""
