"""Answers as pictures: one file a noun, which draws what is in the answer and nothing else."""
