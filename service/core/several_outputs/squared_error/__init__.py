"""The squared error of a linear map in coordinates where the inputs are white, and the ranks it admits."""
