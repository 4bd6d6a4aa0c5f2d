"""The commands, and how an error becomes one line and an exit status."""

import sys
from collections.abc import Mapping
from typing import Final

import typer

from service.cli import catalogue, diagnose, flow, jobs, landscape, openapi, ranks, serve, solve, verify, worker
from service.cli.errors import CommandError
from service.errors import InputError, NotCovered, NotFound, NumericalError, ServiceError
from service.version import ENGINE_VERSION
from service.web.problems import BodyError

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

application = typer.Typer(
    name="minima",
    help="Exact global minima of neural networks, with certificates.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
application.command("solve")(solve.solve)
application.command("landscape")(landscape.landscape)
application.command("ranks")(ranks.ranks)
application.command("flow")(flow.flow)
application.command("diagnose")(diagnose.diagnose)
application.command("verify")(verify.verify)
application.command("serve")(serve.serve)
application.command("examples")(catalogue.examples)
application.command("theorems")(catalogue.theorems)
application.command("openapi")(openapi.openapi)
application.command("worker")(worker.worker)
application.add_typer(jobs.application, name="jobs")


@application.command("version")
def version() -> None:
    """Print the version of the engine."""
    typer.echo(ENGINE_VERSION)


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
