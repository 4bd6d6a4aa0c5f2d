"""What is asked of a certified minimum: whether it is the only one, at a smaller width, along the decay."""
