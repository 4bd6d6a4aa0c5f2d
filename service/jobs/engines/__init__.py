"""What computes: the port to it, its in-memory twin, and the pool on Dask."""
