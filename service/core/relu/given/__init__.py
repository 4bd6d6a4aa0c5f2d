"""A given network: its units, what it lacks, and the verdict on it."""
