"""Paths between minima on the wire."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field

from service.schemas.arrays import Numbers, Rows
from service.schemas.base import Execution, Integer, Number, Reasons, Wire, example
from service.schemas.points import PictureOptions, Point, PointCard
from service.schemas.problem import ProblemDocument
from service.schemas.slices import SLICE_EXAMPLE
from service.vocabulary import Convention, Evidence, NamedPoint, Property

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

    problem: ProblemDocument
    ends: list[Point] = Field(
        default=[NamedPoint.TRAINED, NamedPoint.TRAINED],
        min_length=2,
        max_length=2,
        description="By name, by index, or with weights; `trained` twice means two random starts.",
    )
    points: Integer = Field(default=61, ge=3, le=10_000, description="Positions along each path.")
    bends: Integer = Field(default=3, ge=1, le=20, description="Free control points of the Bezier curve.")
    rounds: Integer = Field(
        default=5, ge=0, le=1000, description="Rounds of the search for a low curve; 0 for no search."
    )
    round_steps: Integer = Field(default=30, ge=1, le=1000, description="Iterations of L-BFGS in each round.")
    widths: list[Annotated[Integer, Field(ge=1)]] = Field(
        default=[],
        max_length=100,
        description="Also train at these widths of all hidden layers, and mark where theorems begin to apply.",
    )
    runs: Integer = Field(default=10, ge=1, le=1000, description="Trainings at each width.")


class PathProfile(Wire):
    """Losses along a path."""

    position: Numbers
    loss: Numbers
    barrier: Number = Field(description="Largest loss above the higher end.")
    length: Number
    evidence: Evidence = Field(strict=False)


class BezierPath(PathProfile):
    """A curve that was bent until the loss along it was low."""

    barriers: list[Number] = Field(description="After each round.")
    control_points: Rows | None = Field(default=None, description="See `include`.")


class ExplicitPath(PathProfile):
    """A polygon along which the loss provably never exceeds the higher end."""

    vertex_loss: list[Number]
    needed_neurons: list[int] = Field(description="Of each end; the construction needs their sum as width.")
    because: str
    vertices: Rows | None = Field(default=None, description="See `include`.")


class WidthMark(Wire):
    """A width at which the verdict of the theorems changes."""

    width: int
    property: Property = Field(strict=False)
    value: bool
    evidence: Evidence = Field(strict=False)
    because: list[str]


class WidthSweep(Wire):
    """Losses after training at several widths."""

    width: list[int]
    median: list[Number]
    lower_decile: list[Number]
    upper_decile: list[Number]
    best: list[Number]
    success: list[Number] = Field(description="Share of the runs within 1 % of the best loss at any width.")
    runs: int
    marks: list[WidthMark]
    evidence: Evidence = Field(strict=False)


class ConnectivityAnswer(Wire):
    """How two points of the landscape hang together."""

    ends: list[PointCard]
    straight: PathProfile
    aligned: PathProfile | None = Field(
        description="Straight, after the neurons of the second end were put into the order of the first."
    )
    bezier: BezierPath | None
    explicit: ExplicitPath | None
    widths: WidthSweep | None
    seed: int
    reasons: Reasons
    convention: Convention = Field(strict=False)
    engine_version: str
    problem_hash: str
    execution: Execution | None = Field(
        default=None, description="Absent from the result of a job; the status of the job has the reason."
    )
