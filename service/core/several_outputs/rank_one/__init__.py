"""The best map of rank one under weight decay, and where it collapses."""
