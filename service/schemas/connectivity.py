"""Paths between points on the wire."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field

from service.schemas.arrays import Numbers, Rows
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
from service.schemas.points import PictureOptions, Point, PointCard
from service.schemas.problem import ProblemDocument
from service.schemas.slices import SLICE_EXAMPLE
from service.vocabulary import Evidence, NamedPoint, Property

CONNECTIVITY_EXAMPLE: Final = {"problem": SLICE_EXAMPLE["problem"], "rounds": 2, "training_steps": 100, "seed": 1}

DESCRIPTION: Final = """\
Look between two points along a straight line, along a curve bent to be low, and along the path of the theory.

A request with a long estimated time becomes a job; the same seed gives the same answer.

With `accept: image/svg+xml` or `image/png` the answer, or the result of the job, is a picture."""
EXAMPLES: Final[Mapping[str, Any]] = {
    "two trained networks": CONNECTIVITY_EXAMPLE,
    "widths, with the marks of theorems": {**CONNECTIVITY_EXAMPLE, "rounds": 0, "widths": [1, 2, 4, 8, 16], "runs": 5},
}


class ConnectivityRequest(PictureOptions):
    """A problem, two points of its landscape, and how hard to look for a low path between them."""

    model_config = example(CONNECTIVITY_EXAMPLE)

    problem: ProblemDocument = Field(description="The problem that is asked about.")
    ends: list[Point] = Field(
        default=[NamedPoint.TRAINED, NamedPoint.TRAINED],
        min_length=2,
        max_length=2,
        description="The two ends: by name, by index in the stationary points of `/v1/minima`, or with weights; "
        "`trained` twice means two random starts.",
    )
    points: Integer = Field(default=61, ge=3, le=10_000, description="Number of positions along each path.")
    bends: Integer = Field(default=3, ge=1, le=20, description="Number of free control points of the Bezier curve.")
    rounds: Integer = Field(
        default=5, ge=0, le=1000, description="Number of rounds of the search for a low curve; 0 for no search."
    )
    round_steps: Integer = Field(default=30, ge=1, le=1000, description="Iterations of L-BFGS in each round.")
    widths: list[Annotated[Integer, Field(ge=1)]] = Field(
        default=[],
        max_length=100,
        description="Widths of all hidden layers at which to train as well, with marks where theorems begin to "
        "apply; none by default.",
    )
    runs: Integer = Field(default=10, ge=1, le=1000, description="Number of trainings at each width.")


class PathProfile(Wire):
    """Losses along a path."""

    position: Numbers = Field(description="Positions along the path, from 0 at the first end to 1 at the second.")
    loss: Numbers = Field(description="Loss at each position.")
    barrier: Number = Field(
        description="Height of the largest loss on the path above the loss of the higher end; never negative."
    )
    length: Number = Field(description="Length of the path in the space of all weights and biases.")
    evidence: Evidence = Field(strict=False, description="How the losses along the path are known.")


class BezierPath(PathProfile):
    """A curve that was bent until the loss along it was low."""

    barriers: list[Number] = Field(description="Barrier of the curve after each round of bending.")
    control_points: Rows | None = Field(
        default=None,
        description="Free control points, each as one vector of all weights and biases; only where `include` has "
        "`points`.",
    )


class ExplicitPath(PathProfile):
    """A polygon along which the loss provably never exceeds the higher end."""

    vertex_loss: list[Number] = Field(description="Loss at each corner of the polygon.")
    needed_neurons: list[int] = Field(
        description="Neurons that each end needs; the network must be at least as wide as their sum."
    )
    because: str = Field(description="The theorem or construction that proves it, in words.")
    vertices: Rows | None = Field(
        default=None,
        description="Corners of the polygon, each as one vector of all weights and biases; only where `include` "
        "has `points`.",
    )


class WidthMark(Wire):
    """A width at which the verdict of the theorems changes."""

    width: int = Field(description="Width of all hidden layers.")
    property: Property = Field(strict=False, description="The property of the landscape.")
    value: bool = Field(description="The verdict at this width.")
    evidence: Evidence = Field(strict=False, description="How the verdict is known.")
    because: list[str] = Field(description="Ids of the theorems that decide; see `/v1/theorems`.")


class WidthSweep(Wire):
    """Losses after training at several widths."""

    width: list[int] = Field(description="Widths of all hidden layers, ascending; one entry in each column.")
    median: list[Number] = Field(description="Median of the loss after training, over the runs.")
    lower_decile: list[Number] = Field(description="Loss that a tenth of the runs go below.")
    upper_decile: list[Number] = Field(description="Loss that a tenth of the runs exceed.")
    best: list[Number] = Field(description="Least loss of all runs at this width.")
    success: list[Number] = Field(description="Share of the runs within 1 % of the best loss at any width.")
    runs: int = Field(description="Number of runs at each width.")
    marks: list[WidthMark] = Field(description="Widths at which the verdict of a theorem changes.")
    evidence: Evidence = Field(strict=False, description="How the losses at each width are known.")


class ConnectivityAnswer(Wire):
    """How two points of the landscape hang together."""

    ends: list[PointCard] = Field(description="The two points, in the order of the request.")
    straight: PathProfile = Field(description="The straight line between the ends.")
    aligned: PathProfile | None = Field(
        description="The straight line after the neurons of the second end were put into the order of those of "
        "the first; null with a reason where neurons cannot be permuted."
    )
    bezier: BezierPath | None = Field(
        description="The lowest curve that the search found; null with a reason where there was no search."
    )
    explicit: ExplicitPath | None = Field(
        description="The path of the theory; null with a reason where its hypotheses fail."
    )
    widths: WidthSweep | None = Field(
        description="Training at several widths; null with a reason where no widths were asked for."
    )
    seed: int = Field(description="Seed of every random number; the same seed gives the same answer.")
    reasons: Reasons
    convention: OfRequest
    engine_version: EngineVersion
    problem_hash: ProblemHash
    execution: Executed = None
