"""Slices of the landscape on the wire."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import Field

from service.schemas.arrays import Numbers
from service.schemas.base import (
    EngineVersion,
    Executed,
    Integer,
    Number,
    OfRequest,
    ProblemHash,
    Reasons,
    Wire,
    example,
)
from service.schemas.model_files import OfModel
from service.schemas.points import CentredOptions, Point, PointCard, SolvedMinimum, Trajectory
from service.schemas.problem import DESIGN_EXAMPLE, ProblemDocument
from service.vocabulary import AxesFrom, Evidence, Normalisation, Precision, SliceKind

SLICE_EXAMPLE: Final[dict[str, Any]] = {
    "problem": {
        "network": {"layers": [{"width": 4, "activation": "tanh"}, {"width": 1}], "bias": "all"},
        "data": {
            "kind": "samples",
            "x": [[-2.0], [-1.5], [-1.0], [-0.5], [0.0], [0.5], [1.0], [1.5]],
            "y": [0.9, 1.0, 0.8, 0.5, 0.0, -0.5, -0.8, -1.0],
        },
    },
    "points": 21,
    "seed": 1,
}

DESCRIPTION: Final = """Evaluate the loss on a plane, along lines, towards another point, or at growing distance.

Answers above 4 MB, or with `accept: application/x-npz`, are an archive: each array under its path, all else as
JSON in the bytes of `__json__`. A request with a long estimated time becomes a job; the same seed gives the
same answer.

With `accept: image/svg+xml` or `image/png` the answer, or the result of the job, is a picture."""
EXAMPLES: Final[Mapping[str, Any]] = {
    "a plane through a trained network": SLICE_EXAMPLE,
    "from the global minimum of a linear network to its origin": {
        "problem": DESIGN_EXAMPLE,
        "kind": "interpolation",
        "points": 61,
    },
}


class SlicesRequest(CentredOptions):
    """A problem, a point, and the part of the landscape around it that is wanted."""

    model_config = example(SLICE_EXAMPLE)

    problem: ProblemDocument = Field(description="The problem that is asked about.")
    kind: SliceKind = Field(
        default=SliceKind.PLANE,
        strict=False,
        description="`plane` along two random directions, `line` along one or more, `interpolation` to another point, "
        "`sharpness`: the largest and the mean loss at each distance over several random directions.",
    )
    to: Point | None = Field(
        default=None, description="End of an `interpolation`: a point by name, by index, or posted; left out: `origin`."
    )
    points: Integer = Field(
        default=51, ge=2, description="Number of positions along each axis; an odd number includes the point itself."
    )
    span: Number = Field(
        default=1.0,
        gt=0,
        le=1e6,
        description="Largest multiple of the directions; an interpolation overshoots both ends by a quarter of it.",
    )
    directions: Integer | None = Field(
        default=None,
        ge=1,
        le=10_000,
        description="Number of directions of a `line` (default 1) or of `sharpness` (default 20).",
    )
    normalisation: Normalisation | None = Field(
        default=None,
        strict=False,
        description="`filter`: weights into each neuron as long as at the point (the default); `layer`: each layer; "
        "`unit`: all weights and biases together of length one (the default where all weights are zero).",
    )
    trajectory: Trajectory | None = Field(
        default=None,
        description="Points to be projected on a `plane`: `training` for the path that leads to a trained centre, or "
        "up to 1,000 points with weights and biases, such as snapshots.",
    )
    axes_from: AxesFrom = Field(
        default=AxesFrom.RANDOM,
        strict=False,
        description="`trajectory`: the plane of the centre and the two principal directions of the trajectory, as long "
        "as it is; random directions of many weights see next to nothing of a trajectory.",
    )
    precision: Precision = Field(
        default=Precision.DOUBLE,
        strict=False,
        description="Precision of large matrix products; `single` is about twice as fast.",
    )
    clip: Number = Field(
        default=1e100,
        gt=0,
        le=1e300,
        description="Limit of the losses: larger ones, and those that overflow, are cut to it.",
    )


class SliceAxis(Wire):
    """Positions along one direction."""

    name: Literal["alpha", "beta", "t", "direction"] = Field(description="Name of the axis.")
    values: Numbers = Field(description="Positions along the axis, ascending.")


class SliceDirection(Wire):
    """A direction, identified by its length and the hash of its bits."""

    length: Number = Field(description="Norm of the direction over all weights and biases.")
    hash: str = Field(description="Hash of its bits.")
    vector: Numbers | None = Field(
        default=None,
        description="The direction, in the order of `point` of a point; only where `include` has `points`.",
    )


class ProjectedTrajectory(Wire):
    """Points of a trajectory by least squares on the plane."""

    alpha: Numbers = Field(description="Multiple of the first direction.")
    beta: Numbers = Field(description="Multiple of the second direction.")
    loss: Numbers = Field(description="Loss of the point itself, not of its place on the plane.")
    distance: Numbers = Field(description="Distance of the point from the plane.")
    explained: Number = Field(
        description="Share of the squared distances from the centre that lies in the plane, from 0 to 1."
    )


class Lowest(Wire):
    """The least loss on the grid."""

    loss: Number = Field(description="The loss.")
    position: list[Number] = Field(description="Its position along each axis.")


class Interpolated(Wire):
    """What the losses between two points show."""

    barrier: Number = Field(description="Largest loss between the ends above the higher of the two.")
    monotone: bool = Field(description="Whether the loss never rises from the higher end to the lower one.")


class Sharpness(Wire):
    """Loss against distance, over all directions and both signs."""

    radius: Numbers = Field(description="Distances from the point.")
    mean: Numbers = Field(description="Mean loss at each distance.")
    largest: Numbers = Field(description="Largest loss at each distance.")
    caution: str = Field(description="What these numbers do not say.")


class SlicesAnswer(Wire):
    """Losses on a grid through a point of the landscape."""

    kind: SliceKind = Field(strict=False, description="The kind of picture, as the request says.")
    evidence: Evidence = Field(strict=False, description="How the losses are known.")
    centre: PointCard = Field(description="The point in the middle; the first end of an interpolation.")
    end: PointCard | None = Field(default=None, description="The second end; only for an interpolation.")
    axes: list[SliceAxis] = Field(description="One axis for a line, two for a plane.")
    shape: list[int] = Field(description="Number of positions along each axis.")
    loss: Numbers = Field(description="Losses on the grid as a flat list, the last axis running fastest.")
    clipped: int = Field(description="Number of losses that were cut to `clip`.")
    clip: Number = Field(description="The limit of the losses, as in the request.")
    lowest: Lowest = Field(description="The least loss among the points of the picture, and where it is.")
    global_minimum: SolvedMinimum | None = Field(
        description="The global minimum for comparison; null with a reason where no solver covers the problem."
    )
    directions: list[SliceDirection] = Field(description="The directions of the axes.")
    cosine: Number | None = Field(
        description="Cosine between the two directions of a plane; null with a reason elsewhere."
    )
    interpolation: Interpolated | None = Field(
        default=None, description="Barrier and monotony; only for an interpolation."
    )
    trajectory: ProjectedTrajectory | None = Field(
        default=None, description="Where the points of the trajectory are; only where one was asked for."
    )
    sharpness: Sharpness | None = Field(default=None, description="Loss against distance; only for `sharpness`.")
    normalisation: Normalisation | None = Field(
        strict=False, description="How the directions were scaled; null with a reason for an interpolation."
    )
    precision: Precision = Field(strict=False, description="Precision of the products behind the losses.")
    seed: int = Field(description="Seed of every random number; the same seed gives the same answer.")
    model: OfModel = None
    reasons: Reasons
    convention: OfRequest
    engine_version: EngineVersion
    problem_hash: ProblemHash
    execution: Executed = None
