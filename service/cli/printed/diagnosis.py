"""Where weights stand, as a table."""

from rich.console import Console
from rich.table import Table

from service.cli.output import number, print_summary
from service.schemas.diagnose import DiagnoseAnswer, Escape


def print_diagnosis(answer: DiagnoseAnswer, console: Console) -> None:
    """A short readable account of where weights stand."""
    print_summary(answer.summary, console)
    table = Table(title=f"{answer.class_} ({answer.evidence})", title_justify="left", show_header=False)
    table.add_column(style="bold")
    table.add_column()
    for name, value in (
        ("because", answer.because),
        ("loss", number(answer.loss)),
        ("above the global minimum", _told(answer.gap, "gap", answer)),
        ("next stationary value below", _told(answer.next_stationary_loss, "next_stationary_loss", answer)),
        ("gradient norm", f"{answer.gradient_norm:.1e}"),
        ("least Hessian eigenvalue", _told(answer.least_hessian_eigenvalue, "least_hessian_eigenvalue", answer)),
        ("directions learned", str(len(answer.directions.learned))),
        ("directions stuck", str(len(answer.directions.stuck))),
        ("directions missing", str(len(answer.directions.missing))),
        ("way out", answer.reasons["escape"] if answer.escape is None else _step(answer.escape)),
    ):
        table.add_row(name, value)
    console.print(table)


def _step(escape: Escape) -> str:
    return f"{escape.kind}: a step of {number(escape.step)} lowers the loss by {number(escape.decrease)}"


def _told(value: float | None, name: str, answer: DiagnoseAnswer) -> str:
    return answer.reasons[name] if value is None else number(value)
