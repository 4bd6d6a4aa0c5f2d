"""Phase diagrams as a plan: blocks of the grid, then one chunk for the boundaries along each axis."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from service.core.asked.sweeps.axes import Axis, corners, positions, varied
from service.core.asked.sweeps.phase_diagram import size_of
from service.core.asked.sweeps.points import sweep_points
from service.core.dispatch import choose
from service.core.extremes.targets import scaled_targets
from service.core.ground.conditioning import HARD, scaled_condition
from service.core.ground.problems import Problem
from service.errors import InputError
from service.operations.cost import solution_s
from service.operations.guards import double_precision
from service.operations.magnitudes import blamed_on_fields, extremes_of, greatest_value, too_large
from service.operations.mapping import problem as problem_mapping
from service.operations.mapping.hashing import problem_hash
from service.operations.mapping.locations import located
from service.operations.mapping.problem import Inputs, MappedProblem
from service.operations.mapping.sweep import SCALED
from service.operations.plans import relu_sweeps
from service.operations.plans.packing import pack
from service.operations.plans.plan import Chunk, Lazy, Plan, Work
from service.operations.plans.relu_races import RECTIFIERS
from service.operations.plans.relu_sweeps import relu_sweeps_plan
from service.operations.plans.sweep_axes import axes_of, check_points, packed
from service.operations.plans.sweep_chunks import DiagramHeading, as_sent, assemble, compute_block, compute_boundary
from service.schemas.sweeps import DiagramRequest
from service.settings import Limits
from service.version import ENGINE_VERSION
from service.vocabulary import SweepParameter

POINTS_A_CHUNK: Final = 2**18
POINT_S: Final = 1e-6
FIXED_S: Final = 4e-3
CHUNK_S: Final = 0.5
OF_RELU: Final = frozenset({"lower_bound", "units"})


def sweeps_plan(request: DiagramRequest, limits: Limits) -> Plan:
    """Cut a phase diagram into chunks.

    Raises
    ------
    InputError, LimitExceeded
        Before any point is computed; locations from the root of the request.
    NotCovered
    """
    if any(layer.activation in RECTIFIERS for layer in request.problem.network.layers):
        return relu_sweeps_plan(request, limits)
    check_points(request, limits)
    with located(("problem",)):
        # a decay that is varied from zero makes units matter
        varied_decay = any(axis.parameter is SweepParameter.WEIGHT_DECAY for axis in request.axes)
        inputs = Inputs.AS_SENT if varied_decay else Inputs.UNDECAYED
        mapped = problem_mapping.to_core(request.problem, limits, inputs=inputs)
        if mapped.core.moments is None:
            raise InputError.at(("data", "kind"), "must not be none: a minimum needs data")
    axes = axes_of(request, mapped, limits)
    first = varied(mapped.core, positions(axes, 0, 1), 0)
    solver, _, _ = choose(first)
    size = size_of(axes)
    columns = _columns(request, mapped.core)
    _try_extremes(request, mapped, axes, columns)
    fast = solver.one_curve and scaled_targets(mapped.core) is None
    point_s = POINT_S if fast else solution_s(solver, request.problem)
    chunk_points = POINTS_A_CHUNK if fast else max(1, int(CHUNK_S / point_s))
    # samples are carried along only where their factor holds fewer digits of the answer than they do
    hard = scaled_condition(mapped.core.freed) > HARD
    problem, arrays = pack(mapped.core if hard else replace(mapped.core, samples=None))
    named_axes, values = packed(axes)
    shared = {"problem": problem, "axes": named_axes, "decay_scale": mapped.scaling.decay}
    asked = {"columns": columns, "factors": _factors(mapped, columns)}
    blocks = -(-size // chunk_points)

    def chunk(index: int) -> Chunk:
        if index >= blocks:
            return Chunk("boundary", {**shared, "traced": index - blocks})
        start = index * chunk_points
        return Chunk("block", {**shared, **asked, "start": start, "stop": min(start + chunk_points, size)})

    heading = DiagramHeading(
        solver=solver.name,
        theorems=list(solver.theorems),
        input_columns=mapped.data.ranged_columns,
        convention=request.problem.objective.convention,
        engine_version=ENGINE_VERSION,
        problem_hash=problem_hash(request.problem),
    )
    arguments = {**shared, "heading": heading.model_dump(mode="json"), "columns": columns}
    chunks = Lazy(blocks + len(axes), chunk)
    return Plan(chunks, "assemble", arguments, {**arrays, **values}, FIXED_S + size * point_s, referenced=blocks)


def _factors(mapped: MappedProblem, columns: Sequence[str]) -> dict[str, float]:
    """What each column of losses is multiplied by in the caller's convention."""
    factors = {name: mapped.scaling.loss for name in columns if name in SCALED}
    if "evaluation_fit" in columns and mapped.evaluation_scaling is not None:
        factors["evaluation_fit"] = mapped.evaluation_scaling.loss
    return {name: factor for name, factor in factors.items() if factor != 1.0}


def _try_extremes(request: DiagramRequest, mapped: MappedProblem, axes: Sequence[Axis], columns: Sequence[str]) -> None:
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
    with blamed_on_fields(lambda: found), double_precision():
        swept = sweep_points(mapped.core, far, within=axes)
        for name in columns:
            as_sent(name, getattr(swept, name), _factors(mapped, columns).get(name))


def _columns(request: DiagramRequest, problem: Problem) -> list[str]:
    columns = request.columns()
    if problem.evaluation is None and "evaluation_fit" in columns:
        raise InputError.at(("return",), "asks for evaluation_fit, which needs data.evaluation")
    if OF_RELU & {*columns}:
        raise InputError.at(("return",), "asks for lower_bound or units, which are columns of ReLU networks")
    return columns


WORK: Final = Work(
    sweeps_plan,
    {
        "block": compute_block,
        "boundary": compute_boundary,
        "assemble": assemble,
        **relu_sweeps.FUNCTIONS,
    },
    longest_chunk_s=30.0,
)
