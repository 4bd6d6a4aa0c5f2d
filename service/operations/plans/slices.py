"""Slices as a plan: the point (trained first if need be), then blocks of rows of the grid."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.losses.dense import DenseParameters
from service.core.pictures.directions import cosine, fingerprint, random_direction
from service.core.pictures.objective import shape_of
from service.core.pictures.projection import principal_axes
from service.core.pictures.rows import rows_of
from service.errors import InputError, LimitExceeded
from service.operations.plans.columns import numbers
from service.operations.plans.packing import unpack
from service.operations.plans.picture_points import (
    PictureHeading,
    card,
    centre_of,
    compute_point,
    minimum_card,
    source_of,
)
from service.operations.plans.picture_sizes import CHUNK_S, evaluation_s
from service.operations.plans.pictures import Draft, draft, heading_of
from service.operations.plans.plan import Arrays, Json, Plan, Work
from service.operations.plans.running import in_range
from service.operations.plans.trajectories import (
    MOST_POINTS,
    TRAINING,
    check_trajectory,
    projected,
    trajectory_answer,
    trajectory_of,
    trajectory_points,
)
from service.schemas.base import applicable
from service.schemas.parts import MeasuredPoint, ProjectedPoints, SliceBlock
from service.schemas.points import PointCard, SolvedMinimum
from service.schemas.slices import (
    Interpolated,
    Lowest,
    Sharpness,
    SliceAxis,
    SliceDirection,
    SlicesAnswer,
    SlicesRequest,
)
from service.settings import Limits
from service.vocabulary import AxesFrom, Evidence, NamedPoint, Normalisation, Precision, SliceKind

OVERSHOOT: Final = 0.25
RADIAL: Final = (SliceKind.LINE, SliceKind.SHARPNESS)
DIRECTIONS: Final[Mapping[SliceKind, int]] = {SliceKind.LINE: 1, SliceKind.SHARPNESS: 20}
CAUTION: Final = (
    "distances are relative to the weights: a network that computes the same with rescaled weights can look sharper "
    "or flatter (Dinh et al. 2017)"
)


def slices_plan(request: SlicesRequest, limits: Limits) -> Plan:
    """Cut a slice into chunks.

    Raises
    ------
    InputError, LimitExceeded
        Before any loss is computed; locations from the root of the request.
    """
    _check(request, limits)
    plan = draft(request, request.problem, limits)
    source = centre_of(request, plan.mapped, limits)
    asked = trajectory_of(request, source, plan, limits)
    centre = plan.add_point(source, path=asked == TRAINING)
    points = [centre]
    if request.kind is SliceKind.INTERPOLATION:
        end = NamedPoint.ORIGIN if request.to is None else request.to
        points.append(plan.add_point(source_of(end, plan.mapped.core, ("to",), limits, 1)))
    plan.check(limits, ("training_steps",))
    first, second = _grid(request)
    shared = {
        "kind": request.kind,
        "seed": request.seed,
        "normalisation": request.normalisation,
        "precision": request.precision,
        "clip": request.clip,
        "axes_from": request.axes_from,
        "trajectory": asked,
    }
    plan.arrays |= {"slice_rows": first, "slice_positions": second}
    if asked is not None:
        plan.add("trajectory", shared, points, MOST_POINTS * evaluation_s(plan.mapped.core))
    _add_blocks(plan, shared, points, len(first), len(second))
    known = minimum_card(plan.mapped.core, plan.mapped.scaling.loss)
    minimum = None if known is None else known.model_dump(mode="json")
    arguments = plan.arguments(**shared, minimum=minimum, ends=len(points), problem=plan.packed)
    return Plan(plan.chunks, "assemble", arguments, plan.arrays, plan.cost_s)


def _check(request: SlicesRequest, limits: Limits) -> None:
    if request.to is not None and request.kind is not SliceKind.INTERPOLATION:
        raise InputError.at(("to",), "belongs to an interpolation only")
    if request.directions is not None and request.kind not in RADIAL:
        raise InputError.at(("directions",), "belongs to line and sharpness only")
    if request.normalisation is not None and request.kind is SliceKind.INTERPOLATION:
        raise InputError.at(("normalisation",), "must be left out: an interpolation has no random direction")
    check_trajectory(request)
    rows = request.points if request.kind is SliceKind.PLANE else _count(request)
    if rows * request.points > limits.max_slice_points:
        raise LimitExceeded(("points",), "max_slice_points", limits.max_slice_points, "points of the slice")


def _count(request: SlicesRequest) -> int:
    return DIRECTIONS.get(request.kind, 1) if request.directions is None else request.directions


def _grid(request: SlicesRequest) -> tuple[FloatArray, FloatArray]:
    """Positions of the rows, and positions along each row."""
    symmetric = np.linspace(-request.span, request.span, request.points)
    if request.kind is SliceKind.PLANE:
        return symmetric, symmetric
    if request.kind is SliceKind.INTERPOLATION:
        over = OVERSHOOT * request.span
        return np.zeros(1), np.linspace(-over, 1.0 + over, request.points)
    return np.arange(float(_count(request))), symmetric


def _add_blocks(plan: Draft, shared: Mapping[str, Json], points: Sequence[int], rows: int, columns: int) -> None:
    """Chunks of whole rows, or of parts of a row that is long by itself."""
    each = evaluation_s(plan.mapped.core)
    wide = int(np.clip(CHUNK_S / each, 1, columns))
    tall = int(np.clip(CHUNK_S / (each * columns), 1, rows)) if wide == columns else 1
    for row in range(0, rows, tall):
        for column in range(0, columns, wide):
            block = {"rows": [row, min(row + tall, rows)], "columns": [column, min(column + wide, columns)]}
            size = (block["rows"][1] - row) * (block["columns"][1] - column)
            plan.add("block", {**shared, **block}, points, size * each)


def compute_block(arguments: Mapping[str, Json], arrays: Arrays, inputs: Sequence[Json]) -> SliceBlock:
    """Losses of some rows, in the core's convention, before they are clipped to what can be reported."""
    problem = unpack(arguments["problem"], arrays)
    ends = [MeasuredPoint.model_validate(point) for point in inputs]
    centre = numbers(ends[0].point)
    directions = _directions(arguments, arrays, centre, shape_of(problem), ends)
    rows = slice(*(int(bound) for bound in arguments["rows"]))
    columns = slice(*(int(bound) for bound in arguments["columns"]))
    offsets = np.asarray(arrays["slice_rows"], dtype=np.float64)[rows]
    positions = np.asarray(arrays["slice_positions"], dtype=np.float64)[columns]
    precision = Precision(arguments["precision"])
    kind = SliceKind(arguments["kind"])
    losses = np.empty((len(offsets), len(positions)))
    if kind in RADIAL:
        for index, offset in enumerate(offsets):
            along = directions(int(offset))
            losses[index] = rows_of(problem, along, positions, precision).losses(centre)
    else:
        across, along = directions(0), directions(1)
        evaluate = rows_of(problem, along, positions, precision)
        for index, offset in enumerate(offsets):
            losses[index] = evaluate.losses(centre + offset * across)
    clip = float(arguments["clip"])
    shown = np.where(np.isfinite(losses), losses, clip)
    return SliceBlock(rows=arguments["rows"], columns=arguments["columns"], loss=np.minimum(shown, clip))


def compute_trajectory(arguments: Mapping[str, Json], arrays: Arrays, inputs: Sequence[Json]) -> ProjectedPoints:
    """Where the points of the trajectory are on the plane, and their losses."""
    problem = unpack(arguments["problem"], arrays)
    ends = [MeasuredPoint.model_validate(point) for point in inputs]
    centre = numbers(ends[0].point)
    directions = _directions(arguments, arrays, centre, shape_of(problem), ends)
    return projected(problem, centre, (directions(0), directions(1)), trajectory_points(arguments, arrays, ends[0]))


def _directions(
    arguments: Mapping[str, Json],
    arrays: Arrays,
    centre: FloatArray,
    like: DenseParameters,
    ends: Sequence[MeasuredPoint],
) -> Callable[[int], FloatArray]:
    """Direction by number; for an interpolation the second one leads to the end, and the first one nowhere."""
    if SliceKind(arguments["kind"]) is SliceKind.INTERPOLATION:
        leading: FloatArray = numbers(ends[1].point) - centre
        return lambda number: leading if number else np.zeros_like(centre)
    if AxesFrom(arguments["axes_from"]) is AxesFrom.TRAJECTORY:
        axes = principal_axes(centre, trajectory_points(arguments, arrays, ends[0]))
        return lambda number: axes[number]
    normalisation, seed = _normalisation(arguments, centre), int(arguments["seed"])
    return lambda number: random_direction(centre, like, normalisation, seed, number)


def _normalisation(arguments: Mapping[str, Json], centre: FloatArray) -> Normalisation:
    if arguments["normalisation"] is not None:
        return Normalisation(arguments["normalisation"])
    return Normalisation.FILTER if np.any(centre) else Normalisation.UNIT


def assemble(arguments: Mapping[str, Json], arrays: Arrays, inputs: Sequence[Json]) -> SlicesAnswer:
    """Put the rows together and say what they show."""
    kind, heading, clip = SliceKind(arguments["kind"]), heading_of(arguments), float(arguments["clip"])
    scale, count = heading.loss_scale, int(arguments["ends"])
    ends = [MeasuredPoint.model_validate(point) for point in inputs[:count]]
    offsets, positions = (np.asarray(arrays[name], dtype=np.float64) for name in ("slice_rows", "slice_positions"))
    along = None if arguments["trajectory"] is None else ProjectedPoints.model_validate(inputs[count])
    losses = _losses(inputs[count + (along is not None) :], len(offsets), len(positions))
    centre = numbers(ends[0].point)
    direction = _directions(arguments, arrays, centre, shape_of(unpack(arguments["problem"], arrays)), ends)
    shown = [direction(number) for number in _shown(kind, len(offsets))]
    axes = _axes(kind, offsets, positions)
    minimum = None if arguments["minimum"] is None else SolvedMinimum.model_validate(arguments["minimum"])
    cards = [card(end, heading) for end in ends]
    between = kind is SliceKind.INTERPOLATION
    principal = AxesFrom(arguments["axes_from"]) is AxesFrom.TRAJECTORY
    answer = SlicesAnswer(
        kind=kind,
        evidence=Evidence.OBSERVED,
        centre=cards[0],
        end=cards[1] if between else None,
        axes=axes,
        shape=[len(offsets), len(positions)] if len(axes) > 1 else [len(positions)],
        loss=(losses * scale).ravel(),
        clipped=int(np.count_nonzero(losses >= clip)),
        clip=clip * scale,
        lowest=_lowest(losses, axes, scale),
        global_minimum=minimum,
        directions=[_direction(one, heading) for one in shown],
        cosine=cosine(*shown) if kind is SliceKind.PLANE else None,
        interpolation=_interpolated(positions, losses[0] * scale, *cards) if between else None,
        trajectory=None if along is None else trajectory_answer(along, scale),
        sharpness=_sharpness(positions, losses * scale) if kind is SliceKind.SHARPNESS else None,
        normalisation=None if between or principal else _normalisation(arguments, centre),
        precision=Precision(arguments["precision"]),
        seed=heading.seed,
        reasons=_reasons(kind, known=minimum is not None, principal=principal),
        convention=heading.convention,
        engine_version=heading.engine_version,
        problem_hash=heading.problem_hash,
        model=heading.model,
    )
    return applicable(answer, "end", "interpolation", "trajectory", "sharpness", "model")


def _losses(parts: Sequence[Json], rows: int, columns: int) -> FloatArray:
    """All losses of the grid, from its blocks."""
    losses = np.empty((rows, columns))
    for part in parts:
        block = SliceBlock.model_validate(part)
        losses[slice(*block.rows), slice(*block.columns)] = numbers(block.loss)
    return losses


def _lowest(losses: FloatArray, axes: Sequence[SliceAxis], scale: float) -> Lowest:
    lowest = int(np.argmin(losses))
    place = np.unravel_index(lowest, losses.shape)[-len(axes) :]
    position = [float(numbers(axis.values)[index]) for axis, index in zip(axes, place, strict=True)]
    return Lowest(loss=float(losses.flat[lowest]) * scale, position=position)


def _reasons(kind: SliceKind, *, known: bool, principal: bool) -> dict[str, str]:
    """Why fields are null."""
    reasons = {} if known else {"global_minimum": "no solver covers this problem"}
    if kind is not SliceKind.PLANE:
        reasons["cosine"] = "only a plane has two directions"
    if kind is SliceKind.INTERPOLATION:
        reasons["normalisation"] = "the direction leads from the centre to the end as it is"
    if principal:
        reasons["normalisation"] = "the directions are as long as the trajectory"
    return reasons


def _direction(direction: FloatArray, heading: PictureHeading) -> SliceDirection:
    """Its length and hash, and itself where points are shown."""
    found = SliceDirection(
        length=float(np.linalg.norm(direction)),
        hash=fingerprint(direction),
        vector=direction if heading.with_points else None,
    )
    return applicable(found, "vector")


def _shown(kind: SliceKind, rows: int) -> Sequence[int]:
    if kind is SliceKind.INTERPOLATION:
        return (1,)
    return (0, 1) if kind is SliceKind.PLANE else range(rows)


def _axes(kind: SliceKind, offsets: FloatArray, positions: FloatArray) -> list[SliceAxis]:
    if kind is SliceKind.PLANE:
        return [SliceAxis(name="alpha", values=offsets.tolist()), SliceAxis(name="beta", values=positions.tolist())]
    along = SliceAxis(name="t", values=positions.tolist())
    if kind is SliceKind.INTERPOLATION or len(offsets) == 1:
        return [along]
    return [SliceAxis(name="direction", values=offsets.tolist()), along]


def _interpolated(positions: FloatArray, losses: FloatArray, centre: PointCard, end: PointCard) -> Interpolated:
    """Barrier and monotony between the ends, the ends themselves included."""
    inside = (positions > 0.0) & (positions < 1.0)
    values = np.concatenate(([centre.loss], losses[inside], [end.loss]))
    steps = np.diff(values if values[0] >= values[-1] else values[::-1])
    rounding = 1e-12 * float(np.max(np.abs(values)))
    barrier = float(values.max() - max(values[0], values[-1]))
    return Interpolated(barrier=max(barrier, 0.0), monotone=bool(np.all(steps <= rounding)))


def _sharpness(positions: FloatArray, losses: FloatArray) -> Sharpness:
    """Both signs of each direction at equal distance."""
    half = (len(positions) + 1) // 2
    radii = positions[-half:]
    both = np.concatenate([losses[:, -half:], losses[:, half - 1 :: -1]])
    return Sharpness(
        radius=radii.tolist(),
        mean=both.mean(axis=0).tolist(),
        largest=both.max(axis=0).tolist(),
        caution=CAUTION,
    )


# training towards the point is never cut, and one row may be of many samples
WORK: Final = Work(
    slices_plan,
    in_range(
        {
            "point": compute_point,
            "trajectory": compute_trajectory,
            "block": compute_block,
            "assemble": assemble,
        }
    ),
    longest_chunk_s=60.0,
)
