"""From a parsed body to a piece of work: the explicit table of operations that are more than a look-up."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from service.operations.analyses import ANALYSES, sizes_of
from service.operations.drawing.table import render
from service.operations.minima_batch import Batch, minima_batch, minima_sweep, minima_table, parse_batch
from service.operations.problems import generate
from service.operations.problems import parse as parse_generated
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


def _analysis(name: str) -> Prepare:
    """How an analysis of one problem is prepared: its answer as JSON or, where it can be drawn, as a picture."""
    analysis = ANALYSES[name]

    def prepare(body: object, limits: Limits, accept: str) -> Task:
        parsed = analysis.parse(body)
        asked = parsed.request
        form = wanted_by(accept, name)
        return Task(
            estimate_s=float("inf") if form in FORMS else analysis.estimate_s(asked),
            time_limit_s=asked.time_limit_s,
            render=lambda: _drawn(analysis.answer(asked, limits, parsed.problem_at), name, form),
            shapes=sizes_of(asked),
        )

    return prepare


def _drawn(answer: Wire, operation: str, form: str) -> Rendered:
    """An answer as JSON, or as a picture."""
    if form in FORMS:
        return Rendered(render(operation, answer.model_dump(mode="json", exclude_unset=True), FORMS[form]), form)
    return rendered(answer)


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
        shapes=sizes_of(asked),
    )


def _problems_rendered(asked: Batch, limits: Limits, accept: str) -> Rendered:
    if asked.columns is None:
        return rendered(minima_batch(asked, limits))
    return rendered_sweep(minima_table(asked, limits), accept)


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
    **{name: _analysis(name) for name in ANALYSES},
    "minima_batch": _minima_batch,
    "problems": _problems,
}
