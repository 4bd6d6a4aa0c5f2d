"""What the data decide before any training: ranks, distinct inputs, separability and margins, geometry and labels."""
