"""The minimum of a two-layer ReLU network over its decay: certified at some values, bracketed at all others.

At a decay t the loss of a network is ``A + t S``, so that the minimum is concave in t: between two certified values it
lies below the networks of both and above their chord.  Dual errors with a bound on their correlations prove a bound at
every other decay, too.  See ``docs/theory/relu-networks.md``.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from service.core.asked.sweeps.axes import Axis, varied
from service.core.asked.sweeps.columns import ORIGIN_CLASSES
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem
from service.core.relu.claims import loss_of
from service.core.relu.critical import CRITICAL_CONES, critical_beta
from service.core.relu.dual import dual_bound
from service.core.relu.form import NAME, ReluForm, examined, form_of
from service.core.relu.given.units import value_rounding
from service.core.relu.minimum import CertifiedLoop
from service.errors import InputError
from service.operations.cost import relu_s
from service.operations.mapping import problem as problem_mapping
from service.operations.mapping.hashing import problem_hash
from service.operations.mapping.locations import located
from service.operations.mapping.relu import THEOREMS
from service.operations.plans.columns import numbers
from service.operations.plans.packing import pack, unpack
from service.operations.plans.plan import Arrays, Chunk, Json, Plan
from service.operations.plans.sweep_axes import axes_of, check_points, packed, unpacked
from service.schemas.parts_relu import SweptKnots, SweptPoints
from service.schemas.sweeps import (
    AxisValues,
    DiagramAnswer,
    DiagramRequest,
    PhaseBoundary,
    PhaseResults,
    PhaseTransition,
)
from service.settings import Limits
from service.version import ENGINE_VERSION
from service.vocabulary import Convention, SweepParameter

COLUMNS: Final = ("loss", "lower_bound", "fit", "decay", "trivial", "attained", "units")
LOSSES: Final = ("loss", "lower_bound", "fit", "decay")
KNOTS: Final = 40
"""Values that are certified."""
KNOTS_A_CHUNK: Final = 4
POINTS_A_CHUNK: Final = 250
EFFORT: Final = 20_000
TOLERANCE: Final = 1e-6
POINT_S: Final = 4e-3
NO_NORM: Final = "the map of a network with activations has no Frobenius norm"
NO_METASTABLE: Final = "not known for networks with activations"
NO_CRITICAL: Final = "the decay of a bias does not vary with it, or the rank of the inputs is too large"


def relu_sweeps_plan(request: DiagramRequest, limits: Limits) -> Plan:
    """Cut a sweep into chunks; errors as `service.operations.plans.sweeps.sweeps_plan`."""
    check_points(request, limits)
    with located(("problem",)):
        mapped = problem_mapping.to_core(request.problem, limits, relu=True)
    axis = _axis(request)
    (values,) = axes_of(request, mapped, limits)
    examined(varied(mapped.core, [values], 0))
    columns = _columns(request)
    problem, arrays = pack(mapped.core)
    named, held = packed([values])
    shared = {"problem": problem, "axes": named}
    size = values.values.size
    places = np.unique(np.rint(np.linspace(0, size - 1, min(size, KNOTS))).astype(int)).tolist()
    chunks = [
        Chunk("knots", {**shared, "places": places[start : start + KNOTS_A_CHUNK]})
        for start in range(0, len(places), KNOTS_A_CHUNK)
    ]
    knots = tuple(range(len(chunks)))
    chunks += [
        Chunk("points", {**shared, "start": start, "stop": min(start + POINTS_A_CHUNK, size)}, knots)
        for start in range(0, size, POINTS_A_CHUNK)
    ]
    chunks.append(Chunk("critical", shared))
    arguments = {
        **shared,
        "knots": len(knots),
        "columns": columns,
        "factor": mapped.scaling.loss,
        "unit": mapped.scaling.decay if axis is SweepParameter.WEIGHT_DECAY else 1.0,
        "convention": request.problem.objective.convention,
        "problem_hash": problem_hash(request.problem),
    }
    samples = mapped.core.samples
    each = 0.0 if samples is None else relu_s(len(samples.x), samples.x.shape[1], EFFORT // 4)
    return Plan(chunks, "bracketed", arguments, {**arrays, **held}, len(places) * each + size * POINT_S)


def _axis(request: DiagramRequest) -> SweepParameter:
    axis = request.axes[0]
    if len(request.axes) > 1 or axis.layer is not None:
        raise InputError.at(("axes",), "must be one axis, without layer: ReLU networks are swept in one decay")
    if axis.parameter not in (SweepParameter.DECAY_SCALE, SweepParameter.WEIGHT_DECAY):
        raise InputError.at(("axes", 0, "parameter"), "must be decay_scale or weight_decay for a ReLU network")
    if min(axis.from_, axis.to) == 0.0:
        raise InputError.at(("axes", 0, "from"), "must be above 0: without decay no bound of a ReLU network is known")
    return axis.parameter


def _columns(request: DiagramRequest) -> list[str]:
    if "return_" not in request.model_fields_set:
        return list(COLUMNS)
    columns = [name for name in request.columns() if name != "evaluation_fit"]
    wrong = [name for name in columns if name not in COLUMNS]
    if wrong:
        raise InputError.at(("return",), f"must be among {', '.join(COLUMNS)} for a ReLU network")
    return columns


def compute_knots(arguments: Mapping[str, Json], arrays: Arrays, _inputs: Sequence[Json]) -> SweptKnots:
    """Some certified values."""
    problem, axis = unpack(arguments["problem"], arrays), unpacked(arguments, arrays)[0]
    rows: list[dict[str, Any]] = []
    for place in (int(place) for place in arguments["places"]):
        form, decays = _form(problem, axis, place)
        with np.errstate(all="ignore"):
            found = CertifiedLoop(form.objective, TOLERANCE, EFFORT).run()
        units, x = found.units, form.objective.x[:, : form.inputs]
        given = form.given(units)
        fit, decay = loss_of(form, x, given, decays)
        weights = sum(
            g * float(np.square(part).sum()) for g, part in zip(form.decays, (given.first, given.second), strict=True)
        )
        rows.append(
            {
                "place": place,
                "fit": form.unit * fit,
                "constant": form.unit * (fit + decay + value_rounding(form.objective, units)) - weights,
                "slope": weights / float(axis.values[place]),
                "bound": form.unit * found.dual.bound,
                "units": len(units),
                "errors": found.dual.errors,
                "feature_bound": found.dual.feature_bound / form.objective.excess,
            }
        )
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    return SweptKnots(**columns)


def _form(problem: Problem, axis: Axis, place: int) -> tuple[ReluForm, tuple[float, ...]]:
    at = varied(problem, [axis], place)
    parameter = None if at.samples is None else at.samples.loss_parameter
    return form_of(at, parameter), at.network.bias_weight_decays


def compute_points(arguments: Mapping[str, Json], arrays: Arrays, inputs: Sequence[Json]) -> SweptPoints:
    """Value and bound at some points from the certified ones."""
    problem, axis = unpack(arguments["problem"], arrays), unpacked(arguments, arrays)[0]
    parts = [SweptKnots.model_validate(part) for part in inputs]
    knots = {name: np.concatenate([numbers(getattr(part, name)) for part in parts]) for name in SINGLE}
    errors = np.concatenate([numbers(part.errors) for part in parts])
    places, width = knots["place"].astype(int), problem.network.layers[0].width
    rows = []
    for point in range(int(arguments["start"]), int(arguments["stop"])):
        at = float(axis.values[point])
        above = knots["constant"] + at * knots["slope"]
        best = int(above.argmin())
        right = int(np.searchsorted(places, point))
        left = right if right < len(places) and places[right] == point else right - 1
        bound = _chord(knots, axis.values[places], left, right, at)
        if left != right:
            form, _ = _form(problem, axis, point)
            for knot in (left, right):
                found = dual_bound(form.objective, errors[knot], float(knots["feature_bound"][knot]))
                bound = max(bound, form.unit * found.bound)
        fit, units = float(knots["fit"][best]), int(knots["units"][best])
        loss = float(above[best])
        rows.append((loss, min(bound, loss), fit, loss - fit, not units, units <= width, units))
    columns = dict(zip(COLUMNS, (np.array(column, dtype=float) for column in zip(*rows, strict=True)), strict=True))
    return SweptPoints(**columns)


SINGLE: Final = ("place", "fit", "constant", "slope", "bound", "units", "feature_bound")


def _chord(knots: Mapping[str, FloatArray], values: FloatArray, left: int, right: int, at: float) -> float:
    """The lower bound on a concave function between two places where one is known."""
    if left == right:
        return float(knots["bound"][left])
    share = (at - values[left]) / (values[right] - values[left])
    low, high = knots["bound"][left], knots["bound"][right]
    return float(low + share * (high - low) - 1e-14 * max(abs(low), abs(high)))


def compute_critical(arguments: Mapping[str, Json], arrays: Arrays, _inputs: Sequence[Json]) -> PhaseBoundary:
    """Where every unit is switched off, in the core's convention."""
    problem, axis = unpack(arguments["problem"], arrays), unpacked(arguments, arrays)[0]
    form, decays = _form(problem, axis, 0)
    reasons = {"norm_before": NO_NORM, "norm_after": NO_NORM, "metastable_up_to": NO_METASTABLE}
    critical = None
    # a decay of biases that stays as it is makes the critical value the solution of an equation
    if not any(decays):
        with np.errstate(all="ignore"):
            found = critical_beta(form.objective, CRITICAL_CONES)
        critical = found.value / form.objective.beta * float(axis.values[0]) if found.is_known else None
    if critical is None:
        reasons["critical"] = NO_CRITICAL
    transition = PhaseTransition(
        order=[2 if critical is not None else None], critical=[critical], norm_before=[None], norm_after=[None]
    )
    return PhaseBoundary(traced=axis.parameter, transitions=[transition], metastable_up_to=[None], reasons=reasons)


def bracketed(arguments: Mapping[str, Json], arrays: Arrays, inputs: Sequence[Json]) -> DiagramAnswer:
    """The answer, in the caller's convention."""
    axis, factor, unit = unpacked(arguments, arrays)[0], float(arguments["factor"]), float(arguments["unit"])
    parts = [SweptPoints.model_validate(part) for part in inputs[int(arguments["knots"]) : -1]]
    columns = {name: np.concatenate([numbers(getattr(part, name)) for part in parts]) for name in arguments["columns"]}
    for name in ("trivial", "attained"):
        if name in columns:
            columns[name] = columns[name].astype(bool)
    if "units" in columns:
        columns["units"] = columns["units"].astype(np.int64)
    boundary = PhaseBoundary.model_validate(inputs[-1])
    for transition in boundary.transitions:
        transition.critical[:] = [None if value is None else value / unit for value in transition.critical]
    return DiagramAnswer(
        solver=NAME,
        theorems=list(THEOREMS),
        axes=[AxisValues(parameter=axis.parameter, layer=None, values=axis.values / unit)],
        shape=[axis.values.size],
        origin_classes=list(ORIGIN_CLASSES),
        results=PhaseResults(
            **{name: factor * column if name in LOSSES else column for name, column in columns.items()}
        ),
        boundaries=[boundary],
        convention=Convention(arguments["convention"]),
        engine_version=ENGINE_VERSION,
        problem_hash=arguments["problem_hash"],
    )


FUNCTIONS: Final = {
    "knots": compute_knots,
    "points": compute_points,
    "critical": compute_critical,
    "bracketed": bracketed,
}
