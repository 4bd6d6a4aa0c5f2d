"""Many global minima in one call: independent problems, or one problem with one thing varied."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from service.core.asked.many.independent import solve_many
from service.core.asked.sweeps.points import sweep_of
from service.core.dispatch import choose
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem
from service.core.ground.results import Minima
from service.errors import FieldError, InputError, LimitExceeded, Location
from service.operations.answered import SweepTable
from service.operations.cost import estimate_s, inputs_of, problem_s
from service.operations.guards import check_time, double_precision
from service.operations.magnitudes import extremes_of, greatest_value, told_by_field, too_large
from service.operations.mapping import problem as problem_mapping
from service.operations.mapping import sweep as sweep_mapping
from service.operations.mapping.hashing import problem_hash
from service.operations.mapping.locations import located, numbered
from service.operations.mapping.problem import Inputs
from service.operations.minima import minima, parse, solved, to_core
from service.schemas.base import Number, applicable
from service.schemas.batch import (
    ProblemColumn,
    ProblemsAnswer,
    ProblemsHeader,
    ProblemsOptions,
    VariedHeader,
    VariedRequest,
)
from service.schemas.parsing import Parsed, validated
from service.schemas.request import MinimaRequest
from service.settings import Limits
from service.version import ENGINE_VERSION
from service.vocabulary import Loss, SweepParameter

PROBE: Final = 16
# measured on one core: the fixed work of a table, and each of its values
TABLE_S: Final = 5e-4
COLUMNS_S: Final = 1.5e-3
TOGETHER: Final = 0.2
PER_VALUE_S: Final = 1e-6
PER_VALUE_AND_INPUT_S: Final = 1e-7


@dataclass(frozen=True, slots=True)
class Batch:
    """Independent problems, each with its place in the body; ``columns`` are asked for instead of full answers."""

    problems: tuple[Parsed[MinimaRequest], ...]
    time_limit_s: Number | None
    columns: tuple[ProblemColumn, ...] | None = None

    def stored(self) -> dict[str, Any]:
        """Everything that decides the answers, as `parse_batch` reads it."""
        if self.columns is None:
            return {"problems": [item.request.stored() for item in self.problems]}
        problems = [{"problem": item.request.stored()["problem"]} for item in self.problems]
        return {"problems": problems, "return": list(self.columns)}


def parse_batch(body: object, limits: Limits) -> Parsed[Batch] | Parsed[VariedRequest]:
    """Read either form; `InputError` with locations in ``body``."""
    if not isinstance(body, dict) or "problems" not in body:
        return Parsed(validated(VariedRequest, body), ("problem",))
    listed = body["problems"]
    options = validated(ProblemsOptions, {name: value for name, value in body.items() if name != "problems"})
    if not isinstance(listed, list) or not listed:
        raise InputError.at(("problems",), "must be an array of at least one problem")
    if len(listed) > limits.max_batch_problems:
        raise LimitExceeded(("problems",), "max_batch_problems", limits.max_batch_problems, "problems")
    items = []
    for index, item in enumerate(listed):
        with located(("problems", index)):
            items.append(parse(item))
            if options.return_ is not None:
                _refuse_options(items[-1])
    columns = None if options.return_ is None else tuple(options.return_)
    return Parsed(Batch(tuple(items), options.time_limit_s, columns), ())


def batch_s(request: Batch | VariedRequest) -> float:
    """Seconds that the answers take on one core, to within a small factor."""
    if isinstance(request, VariedRequest):
        return _varied_s(request)
    as_columns = request.columns is not None
    each = sum(_one_of_many_s(item.request, as_columns=as_columns) for item in request.problems)
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


def _refuse_options(item: Parsed[MinimaRequest]) -> None:
    """A table has no place for details of a single problem."""
    given = sorted(item.request.model_fields_set - {"problem"})
    if given:
        name = "return" if given[0] == "return_" else given[0]
        raise InputError.at((name,), "belongs to full answers; leave it out or the columns of the batch's `return`")


def minima_batch(
    request: Batch | VariedRequest, limits: Limits, problem_at: Location = ("problem",)
) -> ProblemsAnswer | SweepTable:
    """Answer a batch of either form; errors are those of its problems."""
    if isinstance(request, VariedRequest):
        return minima_sweep(request, limits, problem_at)
    return minima_answers(request, limits) if request.columns is None else minima_table(request, limits)


def minima_answers(batch: Batch, limits: Limits) -> ProblemsAnswer:
    """Solve every problem, in order; the first error refuses the batch and says which problem it is about.

    Raises
    ------
    InputError, LimitExceeded, NotCovered, NumericalError
        As for one problem, with its place in the batch.
    """
    check_deadline = _deadline(batch, limits)
    answers = []
    for index, item in enumerate(batch.problems):
        check_deadline()
        with located(("problems", index)), numbered(index):
            answers.append(minima(item.request, limits, item.problem_at))
    return ProblemsAnswer.model_construct(answers=answers)


def minima_table(batch: Batch, limits: Limits) -> SweepTable:
    """Solve and certify every problem, many at once, and return columns.

    Raises
    ------
    InputError, LimitExceeded, NotCovered, NumericalError
        As for one problem, with its place in the batch.
    """
    check_deadline = _deadline(batch, limits)
    mapped = []
    for index, item in enumerate(batch.problems):
        with located(("problems", index, *item.problem_at)), numbered(index):
            mapped.append(to_core(item.request, limits))

    def fields(index: int) -> list[FieldError]:
        item = batch.problems[index]
        at = ("problems", index, *item.problem_at)
        return extremes_of(item.request.problem, mapped[index], at)

    def one(index: int, problem: Problem) -> Minima:
        check_deadline()
        with told_by_field(lambda: fields(index)), located(("problems", index)), numbered(index):
            return solved(problem)

    with told_by_field(lambda: [each for index in range(len(mapped)) for each in fields(index)]):
        found = solve_many([item.core for item in mapped], one)
        columns, reasons = sweep_mapping.problem_columns(batch.columns or (), found, mapped)
    ranged = [item.data.ranged_columns for item in mapped]
    header = ProblemsHeader(
        count=len(mapped),
        reasons=reasons,
        input_columns=ranged if any(ranged) else None,
        engine_version=ENGINE_VERSION,
    )
    return SweepTable(applicable(header, "input_columns"), columns)


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
        mapped = problem_mapping.to_core(request.problem, limits, inputs=undecayed)
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

    with told_by_field(fields), double_precision():
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
