"""What is known about a landscape, as tables."""

from rich.console import Console
from rich.table import Table

from service.cli.output import print_summary
from service.schemas.landscape import LandscapeAnswer

WORDS = {True: "yes", False: "no", None: "unknown"}


def print_landscape(answer: LandscapeAnswer, console: Console) -> None:
    """The verdicts, then the theorems that apply."""
    print_summary(answer.summary, console)
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
