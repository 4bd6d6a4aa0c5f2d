"""Networks with one output: the reduced problem in the end-to-end map and everything that follows from it."""
