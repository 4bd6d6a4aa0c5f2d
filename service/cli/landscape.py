"""``minima landscape``: what is known about the landscape of the problem in a file."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from service.cli.files import read_document
from service.cli.output import print_json, wants_json
from service.cli.settings import load_settings
from service.operations.landscape import landscape as summarise
from service.operations.landscape import parse
from service.schemas.landscape import LandscapeAnswer

WORDS = {True: "yes", False: "no", None: "unknown"}


def landscape(
    file: Annotated[str, typer.Argument(help="JSON or .npz; - for standard input.")],
    json: Annotated[bool, typer.Option("--json", help="Write JSON on a terminal, too.")] = False,
) -> None:
    """Print the verdicts on a landscape, and the theorems that apply."""
    parsed = parse(read_document(file))
    answer = summarise(parsed.request, load_settings(), parsed.problem_at)
    if wants_json(asked=json):
        print_json(answer)
        return
    console = Console()
    console.print(_verdicts(answer))
    console.print(_rules(answer))


def _verdicts(answer: LandscapeAnswer) -> Table:
    table = Table("property", "", "evidence", "because", title="Verdicts", title_justify="left")
    for name, verdict in answer.verdicts.items():
        word = WORDS[verdict.value] + (" (vacuous)" if verdict.vacuous else "")
        because = ", ".join(verdict.because) or verdict.reason
        table.add_row(name.replace("_", " "), word, verdict.evidence or "", because)
    table.add_row("class of the origin", answer.origin.class_ or "unknown", answer.origin.evidence or "", "")
    return table


def _rules(answer: LandscapeAnswer) -> Table:
    table = Table("rule", "status", "title", title="Theorems that apply", title_justify="left")
    for rule in answer.rules:
        if rule.applies:
            table.add_row(rule.id, rule.status, rule.title)
    return table
