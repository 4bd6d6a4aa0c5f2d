"""From a parsed body to a piece of work: the explicit table of operations that are more than a look-up."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from service.operations import cost
from service.operations.diagnose import diagnose
from service.operations.diagnose import parse as parse_diagnose
from service.operations.drawing.table import render
from service.operations.landscape import landscape
from service.operations.landscape import parse as parse_landscape
from service.operations.minima import minima, parse
from service.operations.minima_batch import Batch, minima_batch, minima_sweep, minima_table, parse_batch
from service.operations.problems import generate
from service.operations.problems import parse as parse_generated
from service.operations.ranks import parse as parse_ranks
from service.operations.ranks import ranks
from service.schemas.base import Wire
from service.settings import Limits
from service.web.drawing import FORMS, wanted_by
from service.web.responses import Rendered, rendered, rendered_problem, rendered_sweep


@dataclass(frozen=True, slots=True)
class Task:
    """Work that is ready to run.

    Attributes
    ----------
    estimate_s : float
        Seconds on one core, to within a small factor.
    time_limit_s : float or None
        What the caller allows.
    render : callable
        Computes the answer and writes it.
    shapes : mapping
        Sizes for the log line; never data.
    """

    estimate_s: float
    time_limit_s: float | None
    render: Callable[[], Rendered]
    shapes: Mapping[str, int | str] = field(default_factory=dict)


Prepare: TypeAlias = Callable[[object, Limits, str], Task]


def _minima(body: object, limits: Limits, _accept: str) -> Task:
    parsed = parse(body)
    asked = parsed.request
    return Task(
        estimate_s=cost.estimate_s(asked),
        time_limit_s=asked.time_limit_s,
        render=lambda: rendered(minima(asked, limits, parsed.problem_at)),
        shapes={"data": asked.problem.data.kind, "layers": len(asked.problem.network.layers)},
    )


def _minima_batch(body: object, limits: Limits, accept: str) -> Task:
    asked = parse_batch(body, limits)
    if isinstance(asked, Batch):
        return Task(
            estimate_s=asked.estimate_s(),
            time_limit_s=asked.time_limit_s,
            render=lambda: _problems_rendered(asked, limits, accept),
            shapes={"problems": len(asked.problems)},
        )
    return Task(
        # even the table of a short sweep is more than the event loop should wait for
        estimate_s=float("inf"),
        time_limit_s=asked.time_limit_s,
        render=lambda: rendered_sweep(minima_sweep(asked, limits), accept),
        shapes={"data": asked.problem.data.kind, "layers": len(asked.problem.network.layers)},
    )


def _problems_rendered(asked: Batch, limits: Limits, accept: str) -> Rendered:
    if asked.columns is None:
        return rendered(minima_batch(asked, limits))
    return rendered_sweep(minima_table(asked, limits), accept)


def _landscape(body: object, limits: Limits, accept: str) -> Task:
    parsed = parse_landscape(body)
    asked = parsed.request
    form = wanted_by(accept, "landscape")
    return Task(
        estimate_s=float("inf") if form in FORMS else cost.landscape_s(asked),
        time_limit_s=asked.time_limit_s,
        render=lambda: _drawn(landscape(asked, limits, parsed.problem_at), "landscape", form),
        shapes={"data": asked.problem.data.kind, "layers": len(asked.problem.network.layers)},
    )


def _drawn(answer: Wire, operation: str, form: str) -> Rendered:
    """An answer as JSON, or as a picture."""
    if form in FORMS:
        return Rendered(render(operation, answer.model_dump(mode="json", exclude_unset=True), FORMS[form]), form)
    return rendered(answer)


def _diagnose(body: object, limits: Limits, _accept: str) -> Task:
    parsed = parse_diagnose(body)
    asked = parsed.request
    return Task(
        estimate_s=cost.diagnosis_s(asked),
        time_limit_s=asked.time_limit_s,
        render=lambda: rendered(diagnose(asked, limits, parsed.problem_at)),
        shapes={"data": asked.problem.data.kind, "layers": len(asked.problem.network.layers)},
    )


def _ranks(body: object, limits: Limits, _accept: str) -> Task:
    parsed = parse_ranks(body)
    asked = parsed.request
    return Task(
        estimate_s=cost.ranks_s(asked),
        time_limit_s=asked.time_limit_s,
        render=lambda: rendered(ranks(asked, limits, parsed.problem_at)),
        shapes={"data": asked.problem.data.kind, "layers": len(asked.problem.network.layers)},
    )


def _problems(body: object, limits: Limits, accept: str) -> Task:
    asked = parse_generated(body)
    return Task(
        # the answer holds the data twice, which takes longer to write than to solve
        estimate_s=float("inf"),
        time_limit_s=None,
        render=lambda: rendered_problem(generate(asked, limits), accept),
        shapes={"inputs": asked.inputs, "layers": len(asked.hidden_widths) + 1},
    )


TASKS: Final[Mapping[str, Prepare]] = {
    "minima": _minima,
    "minima_batch": _minima_batch,
    "landscape": _landscape,
    "ranks": _ranks,
    "diagnose": _diagnose,
    "problems": _problems,
}
