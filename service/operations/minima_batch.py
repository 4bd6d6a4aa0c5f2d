"""Many global minima in one call: independent problems, or one problem with one thing varied."""

import math
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from service.core.asked.many.independent import solve_many
from service.core.asked.sweeps.points import sweep_of
from service.core.dispatch import Extras, choose
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem
from service.core.ground.results import Minima
from service.errors import FieldError, InputError, LimitExceeded, Location, NotCovered, NumericalError
from service.operations.answered import SweepTable
from service.operations.batches import Batch, Entry
from service.operations.cost import estimate_s, inputs_of, problem_s
from service.operations.guards import check_time, double_precision
from service.operations.magnitudes import blamed_on_fields, extremes_of, greatest_value, too_large
from service.operations.mapping import problem as problem_mapping
from service.operations.mapping import sweep as sweep_mapping
from service.operations.mapping.hashing import problem_hash
from service.operations.mapping.locations import located
from service.operations.mapping.problem import Inputs, MappedProblem
from service.operations.minima import minima, solved_model, to_core
from service.operations.nearest import suggesting_nearest
from service.operations.refusals import document_of
from service.schemas.base import applicable
from service.schemas.batch import (
    ProblemsAnswer,
    ProblemsHeader,
    VariedHeader,
    VariedRequest,
)
from service.schemas.minima import MinimaAnswer
from service.schemas.parsing import Parsed
from service.schemas.problem_details import ProblemDetails
from service.schemas.request import MinimaRequest
from service.settings import Limits
from service.version import ENGINE_VERSION
from service.vocabulary import Loss, SweepParameter

REFUSALS: Final = (InputError, NotCovered, NumericalError)
"""What a single problem may be refused for."""
PROBE: Final = 16
# measured on one core: the fixed work of a table, and each of its values
TABLE_S: Final = 5e-4
COLUMNS_S: Final = 1.5e-3
TOGETHER: Final = 0.2
PER_VALUE_S: Final = 1e-6
PER_VALUE_AND_INPUT_S: Final = 1e-7


def batch_s(request: Batch | VariedRequest) -> float:
    """Seconds that the answers take on one core, to within a small factor."""
    if isinstance(request, VariedRequest):
        return _varied_s(request)
    as_columns = request.columns is not None
    read = [item for item in request.problems if not isinstance(item, ProblemDetails)]
    each = sum(_one_of_many_s(item.request, as_columns=as_columns) for item in read)
    return each + (COLUMNS_S if as_columns else 0.0)


def _one_of_many_s(request: MinimaRequest, *, as_columns: bool) -> float:
    """Columns of problems with one output are computed together."""
    together = as_columns and request.problem.network.layers[-1].width == 1
    return estimate_s(request) * (TOGETHER if together else 1.0)


def _varied_s(request: VariedRequest) -> float:
    """Seconds of a table where one output makes it cheap, else those of as many single answers."""
    values = max((len(values) for values in request.vary.__dict__.values() if values is not None), default=0)
    network, single = request.problem.network, problem_s(request.problem)
    plain = not network.skips and all(layer.frozen_weights is None for layer in network.layers)
    if plain and network.layers[-1].width == 1 and request.problem.objective.loss == Loss.SQUARED:
        return single + TABLE_S + values * (PER_VALUE_S + PER_VALUE_AND_INPUT_S * inputs_of(request.problem))
    return values * single


def minima_batch(
    request: Batch | VariedRequest, limits: Limits, problem_at: Location = ("problem",)
) -> ProblemsAnswer | SweepTable:
    """Answer a batch of either form; errors are those of its problems."""
    if isinstance(request, VariedRequest):
        return minima_sweep(request, limits, problem_at)
    return minima_answers(request, limits) if request.columns is None else minima_table(request, limits)


def minima_answers(batch: Batch, limits: Limits) -> ProblemsAnswer:
    """Solve every problem, in order; a problem that is refused has the document that says why as its answer.

    Raises
    ------
    LimitExceeded
        If the batch as a whole takes too long.
    """
    check_deadline = _deadline(batch, limits)
    answers: list[MinimaAnswer | ProblemDetails] = []
    for index, item in enumerate(batch.problems):
        check_deadline()
        answers.append(minima_or_refusal(item, index, limits))
    return ProblemsAnswer.model_construct(answers=answers)


def minima_or_refusal(item: Entry, index: int, limits: Limits) -> MinimaAnswer | ProblemDetails:
    """The answer of one problem of a batch, or the document of its refusal."""
    if isinstance(item, ProblemDetails):
        return item
    try:
        with located(("problems", index)), suggesting_nearest(item.request.problem, limits, _place(index, item)):
            return minima(item.request, limits, item.problem_at)
    except REFUSALS as error:
        return document_of(error, index=index)


def _place(index: int, item: Parsed[MinimaRequest]) -> Location:
    """Where the problem itself stands in the body."""
    return ("problems", index, *item.problem_at)


def minima_table(batch: Batch, limits: Limits) -> SweepTable:
    """Solve and certify every problem, many at once, and return columns; null where a problem is refused.

    Raises
    ------
    LimitExceeded
        If the batch as a whole takes too long.
    """
    check_deadline = _deadline(batch, limits)
    refused: dict[int, ProblemDetails] = {}
    mapped: dict[int, MappedProblem] = {}

    for index, item in enumerate(batch.problems):
        if isinstance(item, ProblemDetails):
            refused[index] = item
            continue
        try:
            with located(_place(index, item)), suggesting_nearest(item.request.problem, limits, _place(index, item)):
                mapped[index] = to_core(item.request, limits, other_models=True)
        except REFUSALS as error:
            refused[index] = document_of(error, index=index)
    places = list(mapped)

    def one(place: int, _problem: Problem) -> Minima | None:
        check_deadline()
        index, found = places[place], mapped[places[place]]
        item = batch.problems[index]
        assert not isinstance(item, ProblemDetails)  # noqa: S101 - those were left out
        fields = partial(extremes_of, item.request.problem, found, item.problem_at)
        try:
            nearest = suggesting_nearest(item.request.problem, limits, _place(index, item))
            with located(("problems", index)), blamed_on_fields(fields), nearest:
                return _finite(solved_model(found, Extras(reductions=True))[0])
        except REFUSALS as error:
            refused[index] = document_of(error, index=index)
            return None

    asked = [mapped[index] for index in places]
    alone = [place for place, each in enumerate(asked) if each.vae is not None]
    found = solve_many([each.core for each in asked], one, alone)
    columns, reasons = sweep_mapping.problem_columns(batch.columns or (), found, asked, places, len(batch.problems))
    ranged = [mapped[index].data.ranged_columns if index in mapped else None for index in range(len(batch.problems))]
    header = ProblemsHeader(
        count=len(batch.problems),
        reasons=reasons,
        refused=[refused[index] for index in sorted(refused)] or None,
        input_columns=ranged if any(ranged) else None,
        engine_version=ENGINE_VERSION,
    )
    return SweepTable(applicable(header, "refused", "input_columns"), columns)


def _finite(minima: Minima) -> Minima:
    """The same; `NumericalError` if its columns would not be numbers."""
    certificate, loss = minima.certificate, minima.solution.minimum.loss
    if not all(map(math.isfinite, (loss, certificate.lower_bound, certificate.relative_gap))):
        raise NumericalError("the loss or its lower bound leaves the range of double precision")
    return minima


def _deadline(batch: Batch, limits: Limits) -> Callable[[], None]:
    """A call that refuses to go on once the time of the batch is over."""
    check_time(batch.time_limit_s, limits)
    allowed = batch.time_limit_s or limits.max_seconds
    # seconds of this thread: who waits for a core has not used its time
    deadline = time.thread_time() + allowed

    def check() -> None:
        if time.thread_time() > deadline:
            if batch.time_limit_s is None:
                raise LimitExceeded((), "max_seconds", allowed, "seconds")
            raise LimitExceeded(("time_limit_s",), "time_limit_s", allowed, "seconds")

    return check


def minima_sweep(request: VariedRequest, limits: Limits, problem_at: Location = ("problem",)) -> SweepTable:
    """Global minima for many values of one parameter, vectorised where the data stay the same.

    Raises
    ------
    InputError, LimitExceeded, NotCovered, NumericalError
    """
    check_time(request.time_limit_s, limits)
    with located(problem_at):
        # a decay that is varied from zero makes units matter
        undecayed = Inputs.AS_SENT if request.vary.weight_decay is not None else Inputs.UNDECAYED
        mapped = problem_mapping.to_core(request.problem, limits, one_layer=True, inputs=undecayed)
        if mapped.core.moments is None:
            raise InputError.at(("data", "kind"), "must not be none: a minimum needs data")
        solver, _, _ = choose(mapped.core)
    parameter, values = sweep_mapping.varied(request.vary, limits, mapped.scaling.decay)
    seconds = min(request.time_limit_s or limits.max_seconds, limits.max_seconds)
    if problem_s(request.problem) * values.size > seconds and _sweep_s(mapped.core, parameter, values) > seconds:
        raise LimitExceeded(("vary", parameter), "max_seconds", seconds, "seconds for this many values")

    def fields() -> list[FieldError]:
        found = extremes_of(request.problem, mapped, problem_at)
        greatest = greatest_value(mapped.core.network, parameter)
        if float(values.max()) > greatest:
            factor = mapped.scaling.decay if parameter is SweepParameter.WEIGHT_DECAY else 1.0
            found.append(too_large(("vary", parameter), greatest / factor))
        return found

    with blamed_on_fields(fields), double_precision():
        swept = sweep_of(mapped.core, parameter, values)
        columns, reasons = sweep_mapping.columns(list(request.return_), swept, mapped)
    header = VariedHeader(
        solver=solver.name,
        theorems=list(solver.theorems),
        parameter=parameter,
        count=int(values.size),
        convention=request.problem.objective.convention,
        reasons=reasons,
        engine_version=ENGINE_VERSION,
        problem_hash=problem_hash(request.problem),
        input_columns=mapped.data.ranged_columns,
        classes=None if mapped.data.classes is None else list(mapped.data.classes),
    )
    return SweepTable(applicable(header, "input_columns", "classes"), columns)


def _sweep_s(problem: Problem, parameter: SweepParameter, values: FloatArray) -> float:
    """Seconds that the sweep will take: a table costs the same for all values, single solutions cost each."""
    # time of this thread: a busy machine must not make a cheap sweep look expensive
    started = time.thread_time()
    sweep_of(problem, parameter, values[:1])
    first = time.thread_time()
    sweep_of(problem, parameter, values[: 1 + PROBE])
    fixed, probed = first - started, time.thread_time() - first
    return fixed + max(0.0, probed - fixed) / PROBE * values.size
