"""The durable store: tables and migrations, and what callers, drivers and the janitor may do to it."""
