"""How flat a global minimum can be, and how sharp the returned one is: what gradient descent can stay at."""
