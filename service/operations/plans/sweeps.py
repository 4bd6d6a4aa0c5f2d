"""Phase diagrams as a plan: blocks of the grid, then one chunk for the boundaries along each axis."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from service.core.arrays import FloatArray
from service.core.conditioning import HARD, scaled_condition
from service.core.dispatch import choose
from service.core.problems import Problem
from service.core.sweeps.axes import DECAYS, Axis, corners, positions, varied
from service.core.sweeps.boundaries import trace
from service.core.sweeps.columns import ORIGIN_CLASSES
from service.core.sweeps.phase_diagram import block, size_of
from service.core.sweeps.points import sweep_points
from service.core.sweeps.transitions import Boundary
from service.errors import FieldProblem, InputError, LimitExceeded, Location, NumericalError
from service.operations.cost import solution_s
from service.operations.guards import double_precision
from service.operations.magnitudes import extremes_of, greatest_value, told_by_field, too_large
from service.operations.mapping import problem as problem_mapping
from service.operations.mapping.hashing import problem_hash
from service.operations.mapping.locations import located
from service.operations.mapping.network import beyond_convention
from service.operations.mapping.problem import MappedProblem
from service.operations.mapping.sweep import SCALED
from service.operations.plans.chunks import (
    Arrays,
    ChunkedPlan,
    ChunkFunction,
    Json,
    Lazy,
    NamedChunk,
    column,
    with_nulls,
)
from service.operations.plans.packing import pack, unpack
from service.schemas.sweeps import SweepAxis, SweepsRequest
from service.settings import Limits
from service.version import ENGINE_VERSION
from service.vocabulary import SweepParameter

AnyArray: TypeAlias = npt.NDArray[Any]
POINTS_A_CHUNK: Final = 2**18
POINT_S: Final = 1e-6
CHUNK_S: Final = 0.5
WHOLE: Final = (SweepParameter.WIDTH, SweepParameter.DEPTH)


def sweeps_plan(request: SweepsRequest, limits: Limits) -> ChunkedPlan:
    """Cut a phase diagram into chunks.

    Raises
    ------
    InputError, LimitExceeded
        Before any point is computed; locations from the root of the request.
    NotCovered
    """
    _check_points(request, limits)
    with located(("problem",)):
        mapped = problem_mapping.to_core(request.problem, limits)
        if mapped.core.moments is None:
            raise InputError.at(("data", "kind"), "must not be none: a minimum needs data")
    axes = _axes(request, mapped, limits)
    first = varied(mapped.core, positions(axes, 0, 1), 0)
    solver, _, _ = choose(first)
    size = size_of(axes)
    columns = _columns(request, mapped.core)
    _try_extremes(request, mapped, axes, columns)
    point_s = POINT_S if solver.one_curve else solution_s(solver, request.problem)
    chunk_points = POINTS_A_CHUNK if solver.one_curve else max(1, int(CHUNK_S / point_s))
    # samples are carried along only where their factor holds fewer digits of the answer than they do
    hard = scaled_condition(mapped.core.freed) > HARD
    packed, arrays = pack(mapped.core if hard else replace(mapped.core, samples=None))
    shared = {"problem": packed, "axes": [{"parameter": axis.parameter, "layer": axis.layer} for axis in axes]}
    asked = {"columns": columns, "factors": _factors(mapped, columns)}
    blocks = -(-size // chunk_points)

    def chunk(index: int) -> NamedChunk:
        if index >= blocks:
            return NamedChunk("boundary", {**shared, "traced": index - blocks})
        start = index * chunk_points
        return NamedChunk("block", {**shared, **asked, "start": start, "stop": min(start + chunk_points, size)})

    header = {
        "solver": solver.name,
        "theorems": list(solver.theorems),
        "convention": request.problem.objective.convention,
        "engine_version": ENGINE_VERSION,
        "problem_hash": problem_hash(request.problem),
    }
    arguments = {
        **shared,
        "header": header,
        "columns": columns,
        "decay_scale": mapped.scaling.decay,
    }
    arrays |= {f"axis_{index}": axis.values for index, axis in enumerate(axes)}
    return ChunkedPlan(
        Lazy(blocks + len(axes), chunk), "assemble", arguments, arrays, size * point_s, referenced=blocks
    )


def _factors(mapped: MappedProblem, columns: Sequence[str]) -> dict[str, float]:
    """What each column of losses is multiplied by in the caller's convention."""
    factors = {name: mapped.scaling.loss for name in columns if name in SCALED}
    if "evaluation_fit" in columns and mapped.evaluation_scaling is not None:
        factors["evaluation_fit"] = mapped.evaluation_scaling.loss
    return {name: factor for name, factor in factors.items() if factor != 1.0}


def _check_points(request: SweepsRequest, limits: Limits) -> None:
    total = 1
    for axis in request.axes:
        total *= axis.points
    if total > limits.max_sweep_points:
        raise LimitExceeded(("axes",), "max_sweep_points", limits.max_sweep_points, "points")


def _axes(request: SweepsRequest, mapped: MappedProblem, limits: Limits) -> tuple[Axis, ...]:
    parameters = [axis.parameter for axis in request.axes]
    if len(set(parameters)) < len(parameters):
        raise InputError.at(("axes", 1, "parameter"), "must differ from that of the first axis")
    problems = [problem for index, axis in enumerate(request.axes) for problem in _contradictions(axis, index, mapped)]
    depths = [axis for axis in request.axes if axis.parameter is SweepParameter.DEPTH]
    layers = mapped.core.network.n_layers
    for index, axis in enumerate(request.axes):
        if (
            depths
            and axis.layer is not None
            and axis.layer < layers
            and axis.layer > min(depths[0].from_, depths[0].to)
        ):
            problems.append(FieldProblem(("axes", index, "layer"), "is not there at the smallest depth"))
    if problems:
        raise InputError(problems)
    return tuple(_axis(axis, index, mapped, limits) for index, axis in enumerate(request.axes))


def _contradictions(axis: SweepAxis, index: int, mapped: MappedProblem) -> list[FieldProblem]:
    at: Location = ("axes", index)
    problems = []
    network = mapped.core.network
    if axis.spacing == "log" and min(axis.from_, axis.to) == 0.0:
        problems.append(FieldProblem((*at, "spacing"), "must be linear: the axis begins at 0"))
    if axis.layer is not None and axis.parameter is not SweepParameter.WEIGHT_DECAY:
        problems.append(FieldProblem((*at, "layer"), "belongs to weight_decay only"))
    if axis.layer is not None and axis.layer > network.n_layers:
        problems.append(FieldProblem((*at, "layer"), f"must be at most {network.n_layers}, the number of layers"))
    if axis.parameter is SweepParameter.WIDTH and min(axis.from_, axis.to) < 0.5:
        problems.append(FieldProblem((*at, "from"), "must be at least 1 for a width"))
    if axis.parameter is SweepParameter.DEPTH and not network.n_hidden and max(axis.from_, axis.to) >= 0.5:
        problems.append(FieldProblem((*at, "parameter"), "needs a network with a hidden layer to copy"))
    return problems


def _axis(axis: SweepAxis, index: int, mapped: MappedProblem, limits: Limits) -> Axis:
    at: Location = ("axes", index, "to")
    largest = max(axis.from_, axis.to)
    if axis.parameter is SweepParameter.WIDTH and largest > limits.max_width:
        raise LimitExceeded(at, "max_width", limits.max_width, "neurons")
    if axis.parameter is SweepParameter.DEPTH and largest >= limits.max_layers:
        raise LimitExceeded(at, "max_layers", limits.max_layers, "layers")
    logarithmic = axis.spacing == "log" or (
        axis.spacing is None and axis.parameter in DECAYS and min(axis.from_, axis.to) > 0.0
    )
    space = np.geomspace if logarithmic else np.linspace
    values: FloatArray = space(axis.from_, axis.to, axis.points)
    if axis.parameter in WHOLE:
        values = np.unique(np.rint(values))
    if axis.parameter is SweepParameter.WEIGHT_DECAY:
        with np.errstate(over="ignore"):
            values = values * mapped.scaling.decay
        if not np.isfinite(values).all():
            raise InputError.at(at, beyond_convention(mapped.scaling.decay))
    return Axis(axis.parameter, values, None if axis.layer is None else axis.layer - 1)


def _try_extremes(request: SweepsRequest, mapped: MappedProblem, axes: Sequence[Axis], columns: Sequence[str]) -> None:
    """Where something is extreme, the corners of the grid are computed beforehand, to refuse what overflows there."""
    found = extremes_of(request.problem, mapped, ("problem",))
    far = corners(axes)
    depths = [round(float(axis.values.max())) for axis in axes if axis.parameter is SweepParameter.DEPTH]
    for index, axis in enumerate(axes):
        others = [one for one in far if one.parameter not in (axis.parameter, SweepParameter.DEPTH)]
        # the last corner has the greatest value of each axis
        network = varied(mapped.core, others, -1).network
        greatest = greatest_value(network, axis.parameter, depths[0] if depths else None)
        if float(axis.values.max()) > greatest:
            unit = mapped.scaling.decay if axis.parameter is SweepParameter.WEIGHT_DECAY else 1.0
            end = "to" if request.axes[index].to >= request.axes[index].from_ else "from"
            found.append(too_large(("axes", index, end), greatest / unit))
    if not found:
        return
    with told_by_field(lambda: found), double_precision():
        swept = sweep_points(mapped.core, far, within=axes)
        for name in columns:
            _told(name, getattr(swept, name), _factors(mapped, columns).get(name))


def _columns(request: SweepsRequest, problem: Problem) -> list[str]:
    columns: list[str] = list(dict.fromkeys(request.return_))
    if problem.evaluation is None:
        if "evaluation_fit" in columns:
            raise InputError.at(("return",), "asks for evaluation_fit, which needs data.evaluation")
    elif "return_" not in request.model_fields_set:
        columns.append("evaluation_fit")
    return columns


def _read_axes(arguments: Mapping[str, Json], arrays: Arrays) -> list[Axis]:
    return [
        Axis(
            SweepParameter(axis["parameter"]),
            np.asarray(arrays[f"axis_{index}"], dtype=np.float64),
            None if axis["layer"] is None else int(axis["layer"]),
        )
        for index, axis in enumerate(arguments["axes"])
    ]


def compute_block(arguments: Mapping[str, Json], arrays: Arrays, _inputs: Sequence[Json]) -> Json:
    """Columns of a block of points, in the caller's convention; whole numbers in as few bytes as they need."""
    problem = unpack(arguments["problem"], arrays)
    axes = _read_axes(arguments, arrays)
    found = block(problem, axes, int(arguments["start"]), int(arguments["stop"]))
    return {name: _told(name, getattr(found, name), arguments["factors"].get(name)) for name in arguments["columns"]}


def _told(name: str, values: AnyArray, factor: float | None) -> AnyArray:
    if values.dtype.kind == "i":
        return values.astype(np.min_scalar_type(int(values.max())))
    told = values if factor is None else values * factor
    if not np.isfinite(told).all():
        raise NumericalError(f"the column {name} leaves the range of double precision")
    return told


def compute_boundary(arguments: Mapping[str, Json], arrays: Arrays, _inputs: Sequence[Json]) -> Json:
    """The transitions along one axis, in the core's convention."""
    problem = unpack(arguments["problem"], arrays)
    axes = _read_axes(arguments, arrays)
    return _boundary(trace(problem, axes, int(arguments["traced"])))


def _boundary(boundary: Boundary) -> dict[str, Json]:
    transitions = [
        {
            "order": [None if order is None else round(order) for order in with_nulls(transition.order)],
            "critical": with_nulls(transition.critical),
            "norm_before": with_nulls(transition.norm_before),
            "norm_after": with_nulls(transition.norm_after),
        }
        for transition in boundary.transitions
    ]
    return {
        "transitions": transitions,
        "metastable_up_to": with_nulls(boundary.metastable),
        "reasons": dict(boundary.reasons),
    }


def assemble(arguments: Mapping[str, Json], arrays: Arrays, inputs: Sequence[Json]) -> Json:
    """Put blocks and boundaries together, in the caller's convention; columns stay where the blocks are."""
    axes = _read_axes(arguments, arrays)
    blocks, traced = inputs[: -len(axes)], inputs[-len(axes) :]
    units = [arguments["decay_scale"] if axis.parameter is SweepParameter.WEIGHT_DECAY else 1.0 for axis in axes]
    return {
        **arguments["header"],
        "axes": [
            {
                "parameter": axis.parameter,
                "layer": None if axis.layer is None else axis.layer + 1,
                "values": axis.values / unit,
            }
            for axis, unit in zip(axes, units, strict=True)
        ],
        "shape": [axis.values.size for axis in axes],
        "origin_classes": list(ORIGIN_CLASSES),
        "results": {name: column(blocks, name) for name in arguments["columns"]},
        "boundaries": [
            _in_units(one, axis.parameter, unit) for one, axis, unit in zip(traced, axes, units, strict=True)
        ],
    }


def _in_units(boundary: Mapping[str, Json], parameter: SweepParameter, unit: float) -> dict[str, Json]:
    def told(values: Sequence[float | None]) -> list[float | None]:
        return [None if value is None else value / unit for value in values]

    transitions = [{**one, "critical": told(one["critical"])} for one in boundary["transitions"]]
    metastable = told(boundary["metastable_up_to"])
    return {**boundary, "traced": parameter, "transitions": transitions, "metastable_up_to": metastable}


FUNCTIONS: Final[Mapping[str, ChunkFunction]] = {
    "block": compute_block,
    "boundary": compute_boundary,
    "assemble": assemble,
}
"""Every function that the plan names."""
