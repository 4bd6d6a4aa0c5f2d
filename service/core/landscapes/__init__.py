"""Landscapes: points with their exact curvature, class and way out, and diagrams over parameters."""
