"""Use cases: one verb a file, the same by function, over HTTP and on the command line."""
