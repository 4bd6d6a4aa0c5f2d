"""``minima version``."""

import typer

from service.version import ENGINE_VERSION


def version() -> None:
    """Print the version of the engine."""
    typer.echo(ENGINE_VERSION)
