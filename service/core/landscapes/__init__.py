"""Landscapes: hypotheses of theorems, verdicts, points with their exact curvature, class and way out, witnesses."""
