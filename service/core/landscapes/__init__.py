"""Landscapes: points with their exact curvature, class and way out, verdicts, and diagrams over parameters."""
