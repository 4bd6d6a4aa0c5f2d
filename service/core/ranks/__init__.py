"""What training makes of each weight matrix: invariants, rank rules and how they combine."""
