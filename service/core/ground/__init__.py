"""What every room stands on: what is asked, what is answered, hypotheses, theorems and the two roles of a search."""
