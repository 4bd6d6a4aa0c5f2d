"""The command line ``minima``: the same operations and the same JSON as over HTTP."""

from service.cli.application import main

__all__ = ["main"]
