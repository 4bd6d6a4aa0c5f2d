"""Inputs so large that decay costs them nothing, or so small that decay leaves them nothing."""
