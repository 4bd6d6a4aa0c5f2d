"""The commands, and how an error becomes one line and an exit status."""

import sys
from collections.abc import Mapping
from typing import Final

import typer
from typer.core import TyperGroup

from service.cli.deferred import DeferredCommand
from service.cli.errors import CommandError
from service.errors import BodyError, InputError, NotCovered, NotFound, NumericalError, ServiceError

EXIT_STATUS: Final[Mapping[type[ServiceError], int]] = {
    CommandError: 2,
    BodyError: 2,
    InputError: 2,
    NotFound: 2,
    NotCovered: 3,
    NumericalError: 4,
}
FAILED: Final = 1
INTERRUPTED: Final = 130

COMMANDS: Final = (
    DeferredCommand(
        "solve", "service.cli.solve:solve", "Print the global minimum of a problem with its landscape and certificate."
    ),
    DeferredCommand(
        "landscape",
        "service.cli.landscape:landscape",
        "Print the verdicts on a landscape, and the theorems that apply.",
    ),
    DeferredCommand(
        "ranks",
        "service.cli.ranks:ranks",
        "Print the rank of each weight matrix after training, with the rule that says so.",
    ),
    DeferredCommand(
        "flow",
        "service.cli.flow:flow",
        "Follow the gradient flow of a network and print how far each matrix has come to its predicted rank.",
    ),
    DeferredCommand(
        "diagnose",
        "service.cli.diagnose:diagnose",
        "Print loss, class, gap to the global minimum, directions and a step down for given weights.",
    ),
    DeferredCommand(
        "verify",
        "service.cli.verify:verify",
        "Check an answer field by field, and say which were recomputed, solved again or not covered.",
    ),
    DeferredCommand("serve", "service.cli.serve:serve", "Serve until interrupted."),
    DeferredCommand(
        "examples", "service.cli.catalogue:examples", "List the bundled real data sets, or print one as JSON."
    ),
    DeferredCommand(
        "problems",
        "service.cli.problems:problems",
        "List test problems with a known minimum, or make one, as JSON, .npz or a program for PyTorch.",
    ),
    DeferredCommand("theorems", "service.cli.catalogue:theorems", "List the theorems that answers cite."),
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
"""Adding a command is one module and one row."""

application = TyperGroup(
    name="minima",
    help="Exact global minima of neural networks, with certificates.",
    commands=COMMANDS,
    no_args_is_help=True,
)


def main() -> None:
    """Entry point of the command ``minima``."""
    try:
        application()
    except ServiceError as error:
        typer.echo(f"minima: {one_line(error)}", err=True)
        sys.exit(next((status for kind, status in EXIT_STATUS.items() if isinstance(error, kind)), FAILED))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def one_line(error: ServiceError) -> str:
    """What went wrong, with the fields it is about."""
    if isinstance(error, InputError):
        return "; ".join(f"{'/'.join(map(str, item.location)) or 'the input'} {item.detail}" for item in error.problems)
    return error.detail
