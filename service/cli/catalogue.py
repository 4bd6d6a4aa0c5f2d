"""``minima examples`` and ``minima theorems``: what the service ships and what it rests on."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from service.cli.output import print_json, wants_json
from service.operations import examples as example_operations
from service.operations import theorems as theorem_operations
from service.vocabulary import Property


def examples(
    name: Annotated[str | None, typer.Argument(help="Print the numbers of this data set.")] = None,
    raw: Annotated[bool, typer.Option("--raw", help="As published, neither centred nor scaled.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Write JSON on a terminal, too.")] = False,
) -> None:
    """List the bundled real data sets, or print one as JSON."""
    if name is not None:
        print_json(example_operations.example(name, raw=raw))
        return
    listed = example_operations.examples()
    if wants_json(asked=json):
        print_json(listed)
        return
    table = Table("name", "task", "samples", "inputs", "targets", "title", "licence")
    for row in listed.examples:
        sizes = (str(row.samples), str(row.inputs), str(row.targets))
        table.add_row(row.name, row.task, *sizes, row.title, row.licence)
    Console().print(table)


def theorems(
    theorem_id: Annotated[str | None, typer.Argument(help="Print this theorem only.")] = None,
    about: Annotated[
        Property | None, typer.Option("--property", help="Only theorems about this property of landscapes.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Write JSON on a terminal, too.")] = False,
) -> None:
    """List the theorems that answers cite."""
    if theorem_id is not None:
        print_json(theorem_operations.theorem(theorem_id))
        return
    listed = theorem_operations.theorems(about)
    if wants_json(asked=json):
        print_json(listed)
        return
    table = Table("id", "status", "title", "source")
    for row in listed.theorems:
        table.add_row(row.id, row.status, row.title, row.source)
    Console().print(table)
