"""``minima verify``: checks an answer, and says what it covered."""

import re
from collections import Counter
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from service.cli.files import read_document
from service.cli.output import print_json, wants_json
from service.cli.settings import load_settings
from service.operations.verify import parse_answer, parse_problem
from service.operations.verify import verify as verify_answer
from service.schemas.verification import FieldCheck, VerificationAnswer

WAYS = {
    "recomputed": "from the weights and the data, without a solver",
    "solved again": "by this engine",
    "hashed": "the canonical problem",
}


def verify(
    result: Annotated[str, typer.Argument(help="An answer as JSON; - for standard input.")],
    problem: Annotated[str | None, typer.Option(help="The problem, if the answer does not repeat it.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Write JSON on a terminal, too.")] = False,
) -> None:
    """Check every number of an answer; exit status 0 only if all that is covered agrees."""
    answer = parse_answer(read_document(result))
    given = None if problem is None else parse_problem(read_document(problem))
    found = verify_answer(answer, load_settings(), given)
    if wants_json(asked=json):
        print_json(found)
    else:
        _print(found, Console())
    for check in found.checks:
        if not check.agrees:
            typer.echo(f"minima: {check.field} does not agree ({check.how})", err=True)
    if not found.agrees:
        raise typer.Exit(1)


def _print(found: VerificationAnswer, console: Console) -> None:
    for how, meaning in WAYS.items():
        checks = [check for check in found.checks if check.how == how]
        console.print(f"[bold]{how}[/bold] ({meaning}): {_sections(checks)}", highlight=False)
    not_covered = "; ".join(f"{field} ({reason})" for field, reason in found.not_covered.items())
    console.print(f"[bold]not covered[/bold]: {not_covered}", highlight=False)
    wrong = [check for check in found.checks if not check.agrees]
    if wrong:
        console.print(_table(wrong))
    console.print("every covered field agrees" if found.agrees else "the answer is wrong in the fields above")


def _sections(checks: list[FieldCheck]) -> str:
    """How many checks there are in each part of the answer."""
    counts = Counter(re.split(r"[.\[]", check.field)[0] for check in checks)
    return ", ".join(f"{section} ({count})" for section, count in counts.items())


def _table(checks: list[FieldCheck]) -> Table:
    table = Table("field", "claimed", "found", "how")
    for check in checks:
        table.add_row(check.field, str(check.claimed), str(check.found), check.how)
    return table
