"""One linear layer under a convex loss: its minimum, and what errors of its predictions prove."""
