"""``minima verify``: checks an answer, and says what became of each of its fields."""

from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from service.cli.files import read_document
from service.cli.output import print_json, wants_json
from service.cli.settings import load_settings
from service.operations.verify import parse_answer, parse_problem
from service.operations.verify import verify as verify_answer
from service.schemas.verification import FieldCheck, VerificationAnswer

WAYS: Final = {
    "recomputed": "recomputed from the weights and the problem, without a solver",
    "solved_again": "solved again by this engine",
    "not_covered": "not covered",
}
EXIT_STATUS: Final = {"agrees": 0, "disagrees": 1, "incomplete": 3}
IN_WORDS: Final = {
    "agrees": "every covered field agrees",
    "disagrees": "the answer is wrong in the fields above",
    "incomplete": "the answer is incomplete: what could be checked agrees",
}


def verify(
    result: Annotated[str, typer.Argument(help="An answer as JSON; - for standard input.")],
    problem: Annotated[str | None, typer.Option(help="The problem, if the answer does not repeat it.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Write JSON on a terminal, too.")] = False,
) -> None:
    """Check an answer field by field, and say which were recomputed, solved again or not covered.

    Exit status 0 if all that is covered agrees and nothing is missing, 1 if a field disagrees, 3 if the answer is
    incomplete (without weights, say), 2 if it is not an answer that can be read.
    """
    answer = parse_answer(read_document(result))
    given = None if problem is None else parse_problem(read_document(problem))
    found = verify_answer(answer, load_settings(), given)
    if wants_json(asked=json):
        print_json(found)
    else:
        _print(found, Console())
    for check in found.checks:
        if not check.agrees:
            typer.echo(f"minima: {check.field} does not agree ({WAYS[check.how]})", err=True)
    if found.outcome == "incomplete":
        for field, reason in found.missing.items():
            typer.echo(f"minima: the answer is incomplete: {field} {reason}", err=True)
    if found.outcome != "agrees":
        raise typer.Exit(EXIT_STATUS[found.outcome])


def _print(found: VerificationAnswer, console: Console) -> None:
    versions = f"answer of engine {found.answer_engine_version}, verified by engine {found.engine_version}"
    console.print(versions, highlight=False)
    for how, meaning in WAYS.items():
        names = [name for name, word in found.fields.items() if word == how]
        console.print(f"[bold]{meaning}[/bold]: {_escaped(', '.join(names)) or 'nothing'}", highlight=False)
    for note in [*found.notes, *(f"missing: {field} {reason}" for field, reason in found.missing.items())]:
        console.print(_escaped(note), highlight=False)
    wrong = [check for check in found.checks if not check.agrees]
    if wrong:
        console.print(_table(wrong))
    console.print(IN_WORDS[found.outcome])


def _escaped(text: str) -> str:
    """Brackets of paths are not markup."""
    return text.replace("[", r"\[")


def _table(checks: list[FieldCheck]) -> Table:
    table = Table("field", "claimed", "found", "how")
    for check in checks:
        table.add_row(_escaped(check.field), _escaped(_word(check.claimed)), _escaped(_word(check.found)), check.how)
    return table


def _word(value: object) -> str:
    return "-" if value is None else str(value)
