"""What samples decide before any training: separability, margins, and the geometry of inputs and labels."""
