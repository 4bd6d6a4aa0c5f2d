"""What people read of an answer, one operation a file."""
