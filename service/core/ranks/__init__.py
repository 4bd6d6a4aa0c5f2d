"""What training makes of each weight matrix: invariants, and the settings and conditions of rank rules."""
