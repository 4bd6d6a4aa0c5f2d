"""Exact global minima, landscapes and ranks of neural networks, with certificates."""

from service.version import ENGINE_VERSION

__all__ = ["ENGINE_VERSION"]
