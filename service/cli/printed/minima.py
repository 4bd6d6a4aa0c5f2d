"""A certified minimum, as tables."""

import math

from rich.console import Console
from rich.table import Table

from service.cli.output import number, print_summary
from service.schemas.flatness import Flatness
from service.schemas.minima import MinimaAnswer


def print_minima(answer: MinimaAnswer, console: Console) -> None:
    """A short readable account of an answer."""
    print_summary(answer.summary, console)
    console.print(_minimum_table(answer))
    console.print(_points_table(answer))


def _minimum_table(answer: MinimaAnswer) -> Table:
    minimum, certificate, thresholds = answer.global_minimum, answer.certificate, answer.thresholds
    table = Table(
        title=f"Global minimum ({answer.status}, {certificate.kind})", title_justify="left", show_header=False
    )
    table.add_column(style="bold")
    table.add_column()
    terms = minimum.terms
    for name, value in (
        ("loss", number(minimum.loss)),
        ("no weights go below", number(certificate.lower_bound)),
        ("relative gap", f"{certificate.relative_gap:.1e}"),
        ("fit + noise + decay", " + ".join(number(part) for part in (terms.fit, terms.noise, terms.decay))),
        ("collapsed to zero", "yes" if minimum.trivial else "no"),
        ("norm of the map", number(math.hypot(*minimum.singular_values))),
        (
            "collapses if all decays grow by",
            _or_reason(thresholds.critical_decay_scale, "critical_decay_scale", answer),
        ),
        *_flatness(answer.flatness),
        ("evaluation fit", None if minimum.evaluation_fit is None else number(minimum.evaluation_fit)),
        ("data", f"{answer.data.inputs} inputs, {answer.data.samples or '?'} samples, {answer.data.preparation}"),
        ("reduced by", "; ".join(answer.reductions) if answer.reductions else None),
        ("solver", answer.solver),
        ("theorems", ", ".join(answer.theorems)),
        ("problem", answer.problem_hash),
    ):
        if value is not None:
            table.add_row(name, value)
    return table


def _flatness(found: Flatness | None) -> list[tuple[str, str]]:
    if found is None:
        return []

    def told(value: float | None, name: str) -> str:
        return found.reasons[name] if value is None else number(value)

    return [
        ("least sharpness of a minimum", told(found.least_sharpness, "least_sharpness")),
        ("largest step that can stay", told(found.largest_step, "largest_step")),
        ("sharpness of the weights returned", told(found.sharpness, "sharpness")),
    ]


def _points_table(answer: MinimaAnswer) -> Table:
    table = Table(title="Stationary points", title_justify="left")
    for heading in ("kind", "class", "loss", "norm", "parameter norm"):
        table.add_column(heading)
    for point in answer.stationary_points:
        table.add_row(point.kind, point.class_, number(point.loss), number(point.norm), number(point.parameter_norm))
    return table


def _or_reason(value: float | None, name: str, answer: MinimaAnswer) -> str:
    return answer.thresholds.reasons.get(name, "none") if value is None else number(value)
