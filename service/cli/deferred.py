"""Commands whose modules are imported when they run, so that none waits for the libraries of another."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand


class DeferredCommand(TyperCommand):
    """Name and help of a command; the rest is imported when it is asked for.

    Parameters
    ----------
    name : str
    place : str
        ``module:attribute`` of the function, or of the `typer.Typer` of a group of commands.
    help : str
        What ``minima --help`` says; the first sentence of the command's own help.
    made_of : str, optional
        An operation, from which the function at ``place`` makes the command.
    """

    def __init__(self, name: str, place: str, help: str, made_of: str | None = None) -> None:  # noqa: A002 - Typer's name
        super().__init__(name=name, help=help)
        self._place = place
        self._made_of = made_of

    def loaded(self) -> Any:
        """The command itself, a single one or a group; Typer keeps the type that both have to itself."""
        module, _, attribute = self._place.partition(":")
        with _collection_paused():
            found = getattr(import_module(module), attribute)
            if self._made_of is not None:
                found = found(self._made_of)
        if not isinstance(found, typer.Typer):
            single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
            single.command(self.name)(found)
            found = single
        return typer.main.get_command(found)

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """The context of the command itself, which its group then invokes."""
        return self.loaded().make_context(info_name, args, parent, **extra)


@contextmanager
def _collection_paused() -> Iterator[None]:
    """Without garbage collection, which would walk over all modules several times and find that they stay."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
