"""What computes: the port to it, and the pool on Dask behind it."""
