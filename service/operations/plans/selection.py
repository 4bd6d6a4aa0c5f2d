"""Selection as a plan: blocks of values on all data, on each fold, without each sample; then what is chosen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from service.core.asked.selection.columns import NO_SAMPLES, ONE_SAMPLE, is_on_one_curve, whole_columns
from service.core.asked.selection.folds import Split, split_of_samples, trained_on
from service.core.asked.sweeps.axes import Axis, varied
from service.core.dispatch import choose
from service.core.ground.data.merged import merged_moments
from service.core.ground.numbers.arrays import IntArray
from service.core.ground.problems import Moments, Problem
from service.errors import InputError, Location, NotCovered
from service.operations.cost import problem_s, solution_s
from service.operations.guards import double_precision
from service.operations.magnitudes import blamed_on_fields, extremes_of, greatest_value, too_large
from service.operations.mapping import problem as problem_mapping
from service.operations.mapping import selection as mapping
from service.operations.mapping.conventions import FORMS
from service.operations.mapping.hashing import problem_hash
from service.operations.mapping.locations import located
from service.operations.mapping.problem import Inputs, MappedProblem
from service.operations.nearest import suggesting_nearest
from service.operations.plans.packing import arrays_of_moments, pack, scalars_of
from service.operations.plans.plan import Chunk, Json, Lazy, Plan, Work
from service.operations.plans.selection_answer import SelectionHeading
from service.operations.plans.selection_chunks import FUNCTIONS
from service.schemas.problem import ProblemDocument
from service.schemas.selection import SelectedParameter, SelectionRequest
from service.settings import Limits
from service.version import ENGINE_VERSION
from service.vocabulary import Loss, SweepParameter

CHUNK_S: Final = 0.5
SAMPLES_A_CHUNK: Final = 64
# measured on one core: the fixed work, a table, and on it a value, a sample of a value, a quadratic form of its own
FIXED_S: Final = 6e-3
TABLE_S: Final = 2.5e-3
PER_VALUE_S: Final = 2e-6
PER_PRODUCT_S: Final = 6e-9
PER_FORM_S: Final = 3e-4
PER_SYSTEM_S: Final = 1.5e-5
"""One sample of one value under noise on the inputs."""
HARD_VALUE_S: Final = 2e-3
"""A value of data so nearly collinear that the table lacks digits of their minima."""
NEARLY_COLLINEAR: Final = 3e6
CHOSEN: Final = 4
NO_FOLDS: Final = "needs samples, or `fold_data`: moments of all samples do not say what a part of them decides"
WORDS: Final[Mapping[SweepParameter, SelectedParameter]] = {
    SweepParameter.DECAY_SCALE: "decay_scale",
    SweepParameter.WEIGHT_DECAY: "weight_decay",
    SweepParameter.NOISE_VARIANCE: "noise_variance",
    SweepParameter.WIDTH: "width",
}
NOISY: Final = (SweepParameter.NOISE_VARIANCE, SweepParameter.WIDTH)


@dataclass(frozen=True)
class Folds:
    """How samples are split: the fold of each, or the data of each fold; and the first split.

    Attributes
    ----------
    sizes : list of int
        Samples of each fold; empty without folds.
    fold_of : (n,) array or None
    data : sequence of Moments
    first : Split or None
    reason : str
        Why there are none.
    """

    sizes: list[int]
    fold_of: IntArray | None = None
    data: Sequence[Moments] = ()
    first: Split | None = None
    reason: str = ""


def selection_plan(request: SelectionRequest, limits: Limits) -> Plan:
    """Cut a selection into chunks.

    Raises
    ------
    InputError, LimitExceeded
        Before anything is computed; locations from the root of the request.
    NotCovered
    """
    mapped = _mapped(request, limits)
    parameter = mapping.varied_parameter(request, mapped)
    values = mapping.values_of(request, parameter, limits)
    listed = request.values is not None
    axis = Axis(parameter, mapping.in_core(values, parameter, mapped.scaling.decay, listed=listed))
    at_first = varied(mapped.core, [axis], 0)
    with suggesting_nearest(request.problem, limits, ("problem",)):
        solver, fast = choose(at_first)[0], is_on_one_curve(at_first)
    _refuse_decayed_biases(mapped, parameter, fast=fast)
    _refuse_extremes(request, mapped, axis)
    folds, n = _folds(request, mapped, axis, limits), _count(mapped)
    if request.loo == "exact" and n < 2:
        raise InputError.at(("loo",), f"must be approximate: exact {ONE_SAMPLE if n else NO_SAMPLES}")
    alone_s = max(solution_s(solver, request.problem), problem_s(request.problem))
    value_s = _value_s(mapped, folds, parameter) if fast else alone_s
    step = max(1, min(values.size, int(CHUNK_S / (value_s + _apart_s(mapped)))))
    blocks = [(start, min(start + step, values.size)) for start in range(0, values.size, step)]
    ranges = [(first, min(first + SAMPLES_A_CHUNK, n)) for first in range(0, n, SAMPLES_A_CHUNK)]
    singly = ranges if request.loo == "exact" else []
    heading = SelectionHeading(
        values=values.tolist(),
        vary=WORDS[parameter],
        n=mapped.core.data.n,
        outputs=mapped.core.network.outputs,
        sizes=folds.sizes,
        folds_reason=folds.reason,
        singly=len(singly),
        blocks=len(blocks),
        notes=mapping.notes_of(values.tolist(), mapped),
        solver=solver.name,
        theorems=list(solver.theorems),
        convention=request.problem.objective.convention,
        engine_version=ENGINE_VERSION,
        problem_hash=problem_hash(request.problem),
    )
    problem, arrays = pack(mapped.core)
    document, sent = _document(request.problem)
    shared: dict[str, Json] = {
        "problem": problem,
        "parameter": parameter,
        "summed": FORMS[request.problem.objective.convention].samples > 0,
        "folds": [scalars_of(each) for each in folds.data],
    }
    own: list[tuple[str, dict[str, Json]]] = [
        ("whole", {"step": not singly}),
        *(("fold", {"fold": fold}) for fold in range(len(folds.sizes))),
        *(("left_out", {"first": first, "last": last}) for first, last in singly),
    ]
    told = {"heading": heading.model_dump(mode="json")}
    count = len(own) * len(blocks)

    def chunk(index: int) -> Chunk:
        if index == count:
            # a stored job may take longer than an answer, by which its plan must not be told apart
            stored = Limits.model_validate(limits.model_dump()).model_dump(mode="json", exclude={"max_seconds"})
            return Chunk("answers", {**told, "asked": document, "limits": stored}, tuple(range(count)))
        name, part = own[index // len(blocks)]
        start, stop = blocks[index % len(blocks)]
        return Chunk(name, {**shared, **part, "start": start, "stop": stop})

    everything: dict[str, npt.NDArray[np.generic]] = {"values": axis.values, **arrays, **_fold_arrays(folds), **sent}
    passes = 1 + len(folds.sizes) + (n if singly else 0)
    each_s = (TABLE_S if fast else 0.0) * len(blocks) + values.size * value_s
    apart_s = values.size * _apart_s(mapped)
    cost_s = FIXED_S + passes * each_s + apart_s + CHOSEN * alone_s
    return Plan(Lazy(count + 1, chunk), "assemble", told, everything, cost_s)


def _mapped(request: SelectionRequest, limits: Limits) -> MappedProblem:
    with located(("problem",)):
        if request.problem.objective.loss is not Loss.SQUARED:
            raise InputError.at(("objective", "loss"), "must be squared: criteria of other losses are not known")
        mapped = problem_mapping.to_core(request.problem, limits, inputs=Inputs.AS_SENT)
        if mapped.core.moments is None:
            raise InputError.at(("data", "kind"), "must not be none: a minimum needs data")
    return mapped


def _refuse_decayed_biases(mapped: MappedProblem, parameter: SweepParameter, *, fast: bool) -> None:
    """Refuse to vary decays beside those of biases, unless the data are centred, where no bias is of use."""
    network = mapped.core.network
    decays = network.bias_weight_decays
    if parameter in mapping.DECAYS and not fast and any(decays[index] > 0.0 for index in network.bias_layers if decays):
        detail = "must be 0: what becomes of the decay of biases while that of weights varies is not defined"
        raise InputError.at(("problem", "network", "bias_weight_decay"), detail)


def _count(mapped: MappedProblem) -> int:
    return 0 if mapped.core.samples is None else len(mapped.core.samples.x)


def _refuse_extremes(request: SelectionRequest, mapped: MappedProblem, axis: Axis) -> None:
    """Where something is extreme, the ends of the values are computed beforehand, to refuse what overflows there."""
    found = extremes_of(request.problem, mapped, ("problem",))
    greatest = greatest_value(mapped.core.network, axis.parameter)
    if float(axis.values.max()) > greatest:
        unit = mapped.scaling.decay if axis.parameter is SweepParameter.WEIGHT_DECAY else 1.0
        at: Location = ("values",) if request.values is not None else ("grid", "to")
        found.append(too_large(at, greatest / unit))
    if not found:
        return
    with blamed_on_fields(lambda: found), double_precision():
        ends = replace(axis, values=np.array([axis.values.min(), axis.values.max()]))
        columns = whole_columns(mapped.core, ends, summed=False, step=False)
        if not (np.isfinite(columns.train).all() and np.isfinite(columns.norm).all()):
            raise ArithmeticError("a column leaves the range of double precision")


def _folds(request: SelectionRequest, mapped: MappedProblem, axis: Axis, limits: Limits) -> Folds:
    """The folds, or why there are none.

    Raises
    ------
    InputError
        Where what the request says of them does not fit the data.
    """
    samples, n = mapped.core.samples, _count(mapped)
    if request.fold_data is not None:
        if samples is not None:
            raise InputError.at(("fold_data",), "must be left out: the data are samples, of which `folds` are made")
        if request.folds is not None and request.folds != len(request.fold_data):
            raise InputError.at(("folds",), f"must be {len(request.fold_data)} or left out: so many folds have data")
        data = mapping.fold_moments(request, mapped, limits)
        found = Folds([each.n or 0 for each in data], None, data, Split(merged_moments(data[1:]), data[0]))
    elif samples is None:
        return Folds([], reason=NO_FOLDS)
    elif n < 2:
        return Folds([], reason=ONE_SAMPLE)
    else:
        fold_of = mapping.folds_of(request, n)
        first = split_of_samples(samples.x, samples.y, np.flatnonzero(fold_of == 0))
        found = Folds(np.bincount(fold_of).tolist(), fold_of, (), first)
    return found if found.first is None else _covered(found, found.first, mapped.core, axis)


def _covered(folds: Folds, first: Split, problem: Problem, axis: Axis) -> Folds:
    """The folds, unless no theorem covers what is left without the first of them."""
    try:
        choose(varied(trained_on(problem, axis, first, summed=False)[0], [axis], 0))
    except NotCovered as error:
        return Folds([], reason=f"without a fold the data are no longer as a solver wants them: {error.detail}")
    return folds


def _value_s(mapped: MappedProblem, folds: Folds, parameter: SweepParameter) -> float:
    """Seconds that one value takes on one table."""
    least_known = mapped.core.data if folds.first is None else folds.first.train
    if least_known.spectrum.condition_number > NEARLY_COLLINEAR:
        return HARD_VALUE_S
    forms = PER_FORM_S if parameter in NOISY and mapped.core.network.bias_layers else 0.0
    return PER_VALUE_S + forms


def _apart_s(mapped: MappedProblem) -> float:
    """Seconds that leaving each sample out by a step takes, a value."""
    n, inputs = _count(mapped), mapped.core.data.inputs
    systems = PER_SYSTEM_S + PER_PRODUCT_S * inputs**2 if mapped.core.network.input_noise_variance else 0.0
    return n * (PER_PRODUCT_S * inputs + systems)


def _fold_arrays(folds: Folds) -> dict[str, npt.NDArray[np.generic]]:
    if folds.fold_of is not None:
        return {"fold_of": folds.fold_of}
    found: dict[str, npt.NDArray[np.generic]] = {}
    for index, each in enumerate(folds.data):
        found |= arrays_of_moments(each, f"fold_{index}")
    return found


def _document(problem: ProblemDocument) -> tuple[Json, dict[str, npt.NDArray[np.generic]]]:
    """The problem of the caller as JSON, and its samples as arrays."""
    document = problem.model_dump(mode="json", by_alias=True)
    data = document["data"]
    if data["kind"] != "samples":
        return document, {}
    x, y = np.array(data["x"], dtype=np.float64), np.array(data["y"], dtype=np.float64)
    sent: dict[str, npt.NDArray[np.generic]] = {"sent_x": x, "sent_y": y}
    return {**document, "data": {name: value for name, value in data.items() if name not in ("x", "y")}}, sent


WORK: Final = Work(selection_plan, FUNCTIONS, longest_chunk_s=30.0)
