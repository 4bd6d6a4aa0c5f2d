"""Choosing one number of a problem without held-out data: leave-one-out, generalised and K-fold cross-validation."""
