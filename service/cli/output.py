"""Answers on a terminal as tables, elsewhere as JSON."""

import math
import sys
from typing import Final

from rich.console import Console
from rich.table import Table

from service.schemas.base import Wire
from service.schemas.diagnose import DiagnoseAnswer, Escape
from service.schemas.minima import MinimaAnswer

DIGITS: Final = ".9g"


def print_json(answer: Wire) -> None:
    """The bytes that the service would send, and a line break."""
    sys.stdout.buffer.write(answer.__pydantic_serializer__.to_json(answer, exclude_unset=True) + b"\n")
    sys.stdout.buffer.flush()


def wants_json(*, asked: bool) -> bool:
    """Whether to write JSON: if asked for, or if nobody is reading along."""
    return asked or not sys.stdout.isatty()


def print_minima(answer: MinimaAnswer, console: Console) -> None:
    """A short readable account of an answer."""
    console.print(_minimum_table(answer))
    console.print(_points_table(answer))


def print_diagnosis(answer: DiagnoseAnswer, console: Console) -> None:
    """A short readable account of where weights stand."""
    table = Table(title=f"{answer.class_} ({answer.evidence})", title_justify="left", show_header=False)
    table.add_column(style="bold")
    table.add_column()
    for name, value in (
        ("because", answer.because),
        ("loss", _number(answer.loss)),
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
    return f"{escape.kind}: a step of {_number(escape.step)} lowers the loss by {_number(escape.decrease)}"


def _told(value: float | None, name: str, answer: DiagnoseAnswer) -> str:
    return answer.reasons[name] if value is None else _number(value)


def _minimum_table(answer: MinimaAnswer) -> Table:
    minimum, certificate, thresholds = answer.global_minimum, answer.certificate, answer.thresholds
    table = Table(
        title=f"Global minimum ({answer.status}, {certificate.kind})", title_justify="left", show_header=False
    )
    table.add_column(style="bold")
    table.add_column()
    terms = minimum.terms
    for name, value in (
        ("loss", _number(minimum.loss)),
        ("no weights go below", _number(certificate.lower_bound)),
        ("relative gap", f"{certificate.relative_gap:.1e}"),
        ("fit + noise + decay", " + ".join(_number(part) for part in (terms.fit, terms.noise, terms.decay))),
        ("collapsed to zero", "yes" if minimum.trivial else "no"),
        ("norm of the map", _number(math.hypot(*minimum.singular_values))),
        (
            "collapses if all decays grow by",
            _or_reason(thresholds.critical_decay_scale, "critical_decay_scale", answer),
        ),
        ("evaluation fit", None if minimum.evaluation_fit is None else _number(minimum.evaluation_fit)),
        ("data", f"{answer.data.inputs} inputs, {answer.data.samples or '?'} samples, {answer.data.preparation}"),
        ("reduced by", "; ".join(answer.reductions) if answer.reductions else None),
        ("solver", answer.solver),
        ("theorems", ", ".join(answer.theorems)),
        ("problem", answer.problem_hash),
    ):
        if value is not None:
            table.add_row(name, value)
    return table


def _points_table(answer: MinimaAnswer) -> Table:
    table = Table(title="Stationary points", title_justify="left")
    for heading in ("kind", "class", "loss", "norm", "parameter norm"):
        table.add_column(heading)
    for point in answer.stationary_points:
        table.add_row(point.kind, point.class_, _number(point.loss), _number(point.norm), _number(point.parameter_norm))
    return table


def _number(value: float) -> str:
    return format(value, DIGITS)


def _or_reason(value: float | None, name: str, answer: MinimaAnswer) -> str:
    return answer.thresholds.reasons.get(name, "none") if value is None else _number(value)
