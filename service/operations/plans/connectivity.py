"""Paths between two points as a plan: the ends, the straight line, rounds of bending, the explicit path, widths."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from pydantic import TypeAdapter

from service.core.asked.sweeps.widths import width_marks, with_width
from service.core.ground.numbers.arrays import FloatArray
from service.core.pictures.curves import aligned, bend, profile, profile_of, straight
from service.core.pictures.descent import descend, random_start
from service.core.pictures.objective import objective_of, shape_of
from service.core.pictures.wide_path import wide_path
from service.errors import InputError
from service.operations.plans.columns import numbers
from service.operations.plans.packing import unpack
from service.operations.plans.picture_points import PictureHeading, card, compute_point, source_of
from service.operations.plans.picture_sizes import CHUNK_S, SLOPE, check_size, evaluation_s
from service.operations.plans.pictures import Draft, draft, heading_of
from service.operations.plans.plan import Arrays, Json, Plan, Work
from service.operations.plans.running import in_range
from service.schemas.base import applicable
from service.schemas.connectivity import (
    BezierPath,
    ConnectivityAnswer,
    ConnectivityRequest,
    ExplicitPath,
    PathProfile,
    WidthMark,
    WidthSweep,
)
from service.schemas.parts import (
    BentCurve,
    MeasuredPath,
    MeasuredPoint,
    NoPolygon,
    PolygonPath,
    StraightLine,
    Trainings,
)
from service.settings import Limits
from service.vocabulary import Evidence

NODES: Final = 25
"""Places at which a curve is watched while it is bent."""
SUCCESS: Final = 0.01
BECAUSE: Final = (
    "along every leg either the outputs do not change, or they change linearly and the loss is convex in them, so that "
    "no leg exceeds its ends; see docs/theory/connecting-paths.md"
)

CURVE: Final[TypeAdapter[StraightLine | BentCurve]] = TypeAdapter(StraightLine | BentCurve)
POLYGON: Final[TypeAdapter[PolygonPath | NoPolygon]] = TypeAdapter(PolygonPath | NoPolygon)


def connectivity_plan(request: ConnectivityRequest, limits: Limits) -> Plan:
    """Cut the search for a low path into chunks.

    Raises
    ------
    InputError, LimitExceeded
        Before anything is computed; locations from the root of the request.
    """
    plan = draft(request, request.problem, limits)
    problem = plan.mapped.core
    if request.widths and not problem.network.n_hidden:
        raise InputError.at(("widths",), "must be left out: the network has no hidden layer")
    sources = [source_of(end, problem, ("ends", index), limits, index) for index, end in enumerate(request.ends)]
    ends = tuple(plan.add_point(source) for source in sources)
    each = SLOPE * evaluation_s(problem)
    points = {"points": request.points}
    plan.add("line", {**points, "aligned": False}, ends, request.points * each)
    line = plan.add("line", {**points, "aligned": True}, ends, request.points * each)
    plan.add("explicit", points, ends, 7 * request.points * each)
    plan.steps += 9 * request.points
    widths = sorted(set(request.widths))
    groups = _add_widths(plan, widths, request, limits)
    previous = line
    # last, because each round waits for the one before it
    for _ in range(request.rounds):
        steps = (2 * request.round_steps + 2) * NODES + request.points
        bent = {**points, "bends": request.bends, "steps": request.round_steps}
        previous = plan.add("bend", bent, (ends[0], previous), steps * each)
        plan.steps += steps
    plan.check(limits, ("rounds",))
    arguments = plan.arguments(rounds=request.rounds, widths=widths, groups=groups)
    return Plan(plan.chunks, "connect", {**arguments, "problem": plan.packed}, plan.arrays, plan.cost_s)


def _add_widths(plan: Draft, widths: Sequence[int], request: ConnectivityRequest, limits: Limits) -> list[int]:
    """A few trainings a chunk; the number of chunks of each width."""
    groups = []
    for width in widths:
        problem = with_width(plan.mapped.core, width)
        check_size(problem, limits, ("widths", request.widths.index(width)))
        each = SLOPE * evaluation_s(problem) * request.training_steps
        together = int(np.clip(CHUNK_S / max(each, 1e-9), 1, request.runs))
        starts = range(0, request.runs, together)
        groups.append(len(starts))
        for first in starts:
            last = min(first + together, request.runs)
            arguments = {"width": width, "first": first, "last": last, "seed": request.seed}
            plan.add("train", {**arguments, "steps": request.training_steps}, (), (last - first) * each)
        plan.steps += request.runs * request.training_steps
    return groups


def _end(measured: Json) -> FloatArray:
    return numbers(MeasuredPoint.model_validate(measured).point)


def compute_line(arguments: Mapping[str, Json], arrays: Arrays, inputs: Sequence[Json]) -> StraightLine:
    """The straight line between the ends, the second one's neurons put into the order of the first if asked for."""
    problem = unpack(arguments["problem"], arrays)
    first, last = (_end(measured) for measured in inputs)
    if arguments["aligned"]:
        last = aligned(problem, shape_of(problem), first, last)
    found = profile(problem, straight(first, last, 0), int(arguments["points"]))
    return StraightLine(
        position=found.positions, loss=found.losses, barrier=found.barrier, length=found.length, last=last
    )


def compute_bend(arguments: Mapping[str, Json], arrays: Arrays, inputs: Sequence[Json]) -> BentCurve:
    """One round of bending, from the straight line or from where the last round ended."""
    problem = unpack(arguments["problem"], arrays)
    before: StraightLine | BentCurve = CURVE.validate_python(inputs[1])
    if isinstance(before, BentCurve):
        control = numbers(before.control)
    else:
        control = straight(_end(inputs[0]), numbers(before.last), int(arguments["bends"]))
    bent = bend(problem, control, NODES, int(arguments["steps"]))
    found = profile(problem, bent, int(arguments["points"]))
    if found.barrier > before.barrier:
        # lower where it was watched, higher in between
        bent, found = control, profile(problem, control, int(arguments["points"]))
    return BentCurve(
        position=found.positions, loss=found.losses, barrier=found.barrier, length=found.length, control=bent
    )


def compute_explicit(arguments: Mapping[str, Json], arrays: Arrays, inputs: Sequence[Json]) -> PolygonPath | NoPolygon:
    """The path of the theory for wide networks with one hidden layer, or the reason why it does not exist."""
    problem = unpack(arguments["problem"], arrays)
    found = wide_path(problem, *(_end(measured) for measured in inputs))
    if isinstance(found, str):
        return NoPolygon(reason=found)
    objective = objective_of(problem)
    legs = len(found.vertices) - 1
    shares = np.linspace(0.0, legs, legs * int(arguments["points"]) + 1)
    leg = np.minimum(shares.astype(int), legs - 1)
    inside = (shares - leg)[:, None]
    places = (1.0 - inside) * found.vertices[leg] + inside * found.vertices[leg + 1]
    along = profile_of(objective, places, shares / legs)
    return PolygonPath(
        position=along.positions,
        loss=along.losses,
        barrier=along.barrier,
        length=along.length,
        vertex_loss=[objective.slope(vertex)[0] for vertex in found.vertices],
        needed_neurons=list(found.ranks),
        vertices=found.vertices,
    )


def compute_training(arguments: Mapping[str, Json], arrays: Arrays, _inputs: Sequence[Json]) -> Trainings:
    """Losses after some trainings at one width."""
    problem = with_width(unpack(arguments["problem"], arrays), int(arguments["width"]))
    runs = range(int(arguments["first"]), int(arguments["last"]))
    found = [
        descend(problem, random_start(problem, int(arguments["seed"]), run), int(arguments["steps"])) for run in runs
    ]
    return Trainings(width=int(arguments["width"]), loss=[one.loss for one in found])


def connect(arguments: Mapping[str, Json], arrays: Arrays, inputs: Sequence[Json]) -> ConnectivityAnswer:
    """Put the paths together, in the caller's convention."""
    heading, rounds = heading_of(arguments), int(arguments["rounds"])
    bends = [BentCurve.model_validate(part) for part in inputs[len(inputs) - rounds :]]
    polygon: PolygonPath | NoPolygon = POLYGON.validate_python(inputs[4])
    reasons: dict[str, str] = {}
    if not bends:
        reasons["bezier"] = "no rounds were requested"
    if isinstance(polygon, NoPolygon):
        reasons["explicit"] = polygon.reason
    if not arguments["widths"]:
        reasons["widths"] = "none were requested"
    return ConnectivityAnswer(
        ends=[card(MeasuredPoint.model_validate(measured), heading) for measured in inputs[:2]],
        straight=_path(StraightLine.model_validate(inputs[2]), heading),
        aligned=_path(StraightLine.model_validate(inputs[3]), heading),
        bezier=_bezier(bends, heading) if bends else None,
        explicit=None if isinstance(polygon, NoPolygon) else _explicit(polygon, heading),
        widths=_widths(arguments, arrays, inputs[5:], heading) if arguments["widths"] else None,
        seed=heading.seed,
        reasons=reasons,
        convention=heading.convention,
        engine_version=heading.engine_version,
        problem_hash=heading.problem_hash,
    )


def _path(found: MeasuredPath, heading: PictureHeading) -> PathProfile:
    return PathProfile(
        position=found.position,
        loss=numbers(found.loss) * heading.loss_scale,
        barrier=found.barrier * heading.loss_scale,
        length=found.length,
        evidence=Evidence.OBSERVED,
    )


def _bezier(bends: Sequence[BentCurve], heading: PictureHeading) -> BezierPath:
    last = _path(bends[-1], heading)
    found = BezierPath(
        position=last.position,
        loss=last.loss,
        barrier=last.barrier,
        length=last.length,
        evidence=last.evidence,
        barriers=[one.barrier * heading.loss_scale for one in bends],
        control_points=bends[-1].control if heading.with_points else None,
    )
    return applicable(found, "control_points")


def _explicit(polygon: PolygonPath, heading: PictureHeading) -> ExplicitPath:
    path = _path(polygon, heading)
    found = ExplicitPath(
        position=path.position,
        loss=path.loss,
        barrier=path.barrier,
        length=path.length,
        evidence=Evidence.CERTIFIED,
        vertex_loss=[loss * heading.loss_scale for loss in polygon.vertex_loss],
        needed_neurons=polygon.needed_neurons,
        because=BECAUSE,
        vertices=polygon.vertices if heading.with_points else None,
    )
    return applicable(found, "vertices")


def _widths(
    arguments: Mapping[str, Json], arrays: Arrays, parts: Sequence[Json], heading: PictureHeading
) -> WidthSweep:
    """Quantiles of the losses at each width, and where the verdicts of theorems change."""
    widths = [int(width) for width in arguments["widths"]]
    rest = iter(parts)
    losses = np.array(
        [
            [loss for _ in range(int(group)) for loss in Trainings.model_validate(next(rest)).loss]
            for group in arguments["groups"]
        ]
    )
    losses *= heading.loss_scale
    best, unit = float(losses.min()), float(np.median(losses.max(axis=1)))
    low, middle, high = np.quantile(losses, [0.1, 0.5, 0.9], axis=1)
    marks = width_marks(unpack(arguments["problem"], arrays), widths)
    return WidthSweep(
        width=widths,
        median=middle.tolist(),
        lower_decile=low.tolist(),
        upper_decile=high.tolist(),
        best=losses.min(axis=1).tolist(),
        success=np.mean(losses <= best + SUCCESS * max(abs(unit - best), abs(best)), axis=1).tolist(),
        runs=losses.shape[1],
        marks=[
            WidthMark(
                width=mark.width,
                property=mark.about,
                value=mark.value,
                evidence=mark.evidence,
                because=list(mark.because),
            )
            for mark in marks
        ],
        evidence=Evidence.OBSERVED,
    )


# one round or one training is never cut, and may be of many samples
WORK: Final = Work(
    connectivity_plan,
    in_range(
        {
            "point": compute_point,
            "line": compute_line,
            "bend": compute_bend,
            "explicit": compute_explicit,
            "train": compute_training,
            "connect": connect,
        }
    ),
    longest_chunk_s=60.0,
)
