"""``minima problems``: test problems with a known minimum, as JSON, ``.npz`` or a program for PyTorch."""

import sys
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from service.cli.files import read_document
from service.cli.output import print_json, wants_json
from service.cli.settings import load_settings
from service.operations import problems as operations
from service.schemas.generated import GeneratedList
from service.web.bodies.problem_archive import problem_archive


def problems(
    problem: Annotated[
        str | None, typer.Argument(help="Id of a listed problem, or last part of the `url` of any.", show_default=False)
    ] = None,
    parameters: Annotated[
        str | None, typer.Option(help="Make the problem of the parameters in this file; - for standard input.")
    ] = None,
    form: Annotated[
        Literal["json", "npz", "pytorch"], typer.Option("--as", help="What is written to standard output.")
    ] = "json",
    json: Annotated[bool, typer.Option("--json", help="Write JSON on a terminal, too.")] = False,
) -> None:
    """List test problems with a known minimum, or make one, as JSON, .npz or a program for PyTorch.

    `minima problems ID --as pytorch > program.py; python program.py LBFGS lr=0.5` measures an optimiser.
    """
    if problem is None and parameters is None:
        listed = operations.problems()
        if wants_json(asked=json):
            print_json(listed)
        else:
            Console().print(_table(listed))
        return
    settings = load_settings()
    if parameters is not None:
        made = operations.generate(operations.parse(read_document(parameters)), settings)
    else:
        made = operations.problem(problem or "", settings)
    if form == "npz":
        sys.stdout.buffer.write(problem_archive(made))
    elif form == "pytorch":
        sys.stdout.write(made.snippet)
    else:
        print_json(made)


def _table(listed: GeneratedList) -> Table:
    table = Table("id", "title")
    table.columns[0].overflow = "fold"
    for row in listed.problems:
        table.add_row(row.id, row.title)
    return table
