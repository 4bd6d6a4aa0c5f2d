"""Weight matrices of low rank: the least error at each rank, and ranks of many layers under one budget."""
