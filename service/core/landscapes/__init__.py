"""Theorems about landscapes: their hypotheses, the verdicts that follow, and witnesses that show them."""
