"""Where weights stand, as a table."""

from rich.console import Console
from rich.table import Table

from service.cli.output import number, print_summary
from service.schemas.diagnose import DiagnoseAnswer, Directions, Escape
from service.schemas.relu_verdict import ReluJudgement


def print_diagnosis(answer: DiagnoseAnswer, console: Console) -> None:
    """A short readable account of where weights stand."""
    print_summary(answer.summary, console)
    table = Table(title=f"{answer.class_} ({answer.evidence})", title_justify="left", show_header=False)
    table.add_column(style="bold")
    table.add_column()
    for name, value in (
        ("because", answer.because),
        ("loss", number(answer.loss)),
        ("above the global minimum", _value_or_reason(answer.gap, "gap", answer)),
        *_verdict(answer.relu_verdict),
        ("next stationary value below", _value_or_reason(answer.next_stationary_loss, "next_stationary_loss", answer)),
        ("gradient norm", f"{answer.gradient_norm:.1e}"),
        (
            "least Hessian eigenvalue",
            _value_or_reason(answer.least_hessian_eigenvalue, "least_hessian_eigenvalue", answer),
        ),
        ("largest Hessian eigenvalue", _value_or_reason(answer.sharpness, "sharpness", answer)),
        ("largest stable step", _value_or_reason(answer.largest_stable_step, "largest_stable_step", answer)),
        *_directions(answer.directions),
        ("way out", answer.reasons["escape"] if answer.escape is None else _step(answer.escape)),
    ):
        table.add_row(name, value)
    console.print(table)


def _directions(found: Directions | None) -> list[tuple[str, str]]:
    if found is None:
        return []
    groups = (("learned", found.learned), ("stuck", found.stuck), ("missing", found.missing))
    return [(f"directions {name}", str(len(group))) for name, group in groups]


def _verdict(told: ReluJudgement | None) -> list[tuple[str, str]]:
    if told is None:
        return []
    proof, unit = told.certificate, told.missing_unit
    rows = [
        ("verdict", f"{told.verdict}: gap {proof.relative_gap:.1e} to the lower bound {number(proof.lower_bound)}"),
        ("gained by balancing units", number(told.balancing_gain)),
    ]
    if unit is not None:
        rows.append(("missing unit", f"lowers the loss by {number(unit.decrease)} to {number(unit.loss)}"))
    if told.idle_units:
        rows.append(("units that reach no sample", str(told.idle_units)))
    return rows


def _step(escape: Escape) -> str:
    return f"{escape.kind}: a step of {number(escape.step)} lowers the loss by {number(escape.decrease)}"


def _value_or_reason(value: float | None, name: str, answer: DiagnoseAnswer) -> str:
    return answer.reasons[name] if value is None else number(value)
