"""The commands, and how an error becomes one line and an exit status."""

import sys
from collections.abc import Iterator, Mapping
from typing import Final

import typer
from typer.core import TyperGroup

from service.cli.deferred import DeferredCommand
from service.errors import InputError, ServiceError
from service.operations.table import OPERATIONS
from service.schemas.error_kinds import BY_CODE
from service.version import ENGINE_VERSION

FAILED: Final = 1
INTERRUPTED: Final = 130

OWN_OPTIONS: Final[Mapping[str, str]] = {
    "solve": "service.cli.solve:solve",
    "verify": "service.cli.verify:verify",
    "compress": "service.cli.compress:compress",
    "examples": "service.cli.catalogue:examples",
    "problems": "service.cli.problems:problems",
    "theorems": "service.cli.catalogue:theorems",
}
"""Commands of operations that take more than a file, and where they are written."""


def _of_operations() -> Iterator[DeferredCommand]:
    """The command of every row of the table that has one."""
    for row in OPERATIONS:
        if row.command is not None:
            place = OWN_OPTIONS.get(row.command.name, "service.cli.asking:command_of")
            made_of = None if row.command.name in OWN_OPTIONS else row.name
            yield DeferredCommand(row.command.name, place, row.command.help, made_of)


COMMANDS: Final = (
    *_of_operations(),
    DeferredCommand(
        "datasets",
        "service.cli.datasets:datasets",
        "Read a table and say what it holds; the JSON has its numbers as `data` of a problem.",
    ),
    DeferredCommand(
        "inspect",
        "service.cli.inspect:inspect",
        "Read the file of a model and say what it holds.",
    ),
    DeferredCommand("serve", "service.cli.serve:serve", "Serve until interrupted."),
    DeferredCommand(
        "openapi",
        "service.cli.openapi:openapi",
        "Write the OpenAPI document of the service, and the catalogue of theorems beside it.",
    ),
    DeferredCommand(
        "worker",
        "service.cli.worker:worker",
        "Compute chunks for a scheduler until interrupted; scheduler and worker may start in any order.",
    ),
    DeferredCommand("jobs", "service.cli.jobs:application", "List, show, watch and cancel jobs."),
    DeferredCommand("version", "service.cli.about:version", "Print the version of the engine."),
)
"""Operations bring theirs along; any other command is one module and one row."""

application = TyperGroup(
    name="minima",
    help="Exact global minima of neural networks, with certificates.",
    commands=COMMANDS,
    no_args_is_help=True,
)


def main() -> None:
    """Entry point of the command ``minima``."""
    if sys.argv[1:] == ["--version"]:
        # which is what people type first; the library has options of commands only
        typer.echo(f"minima {ENGINE_VERSION}")
        return
    try:
        application()
    except ServiceError as error:
        typer.echo(f"minima: {one_line(error)}", err=True)
        sys.exit(BY_CODE[error.code].exit_status if error.code in BY_CODE else FAILED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def one_line(error: ServiceError) -> str:
    """What went wrong, with the fields it is about."""
    if isinstance(error, InputError):
        return "; ".join(f"{'/'.join(map(str, item.location)) or 'the input'} {item.detail}" for item in error.fields)
    return error.detail
