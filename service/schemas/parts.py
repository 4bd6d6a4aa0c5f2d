"""What single chunks of heavy work find: callers see it as partial results, the last chunk puts it together.

Losses are in the core's convention here, except where the description says otherwise; answers are in the caller's.
"""

from pydantic import Field

from service.schemas.arrays import Numbers, Rows
from service.schemas.base import Number, Wire
from service.schemas.races import RunColumns
from service.vocabulary import FlowStop


class MeasuredPoint(Wire):
    """Loss and gradient at a point, which was trained first if it was not given."""

    source: str
    point: Numbers
    loss: Number
    gradient_norm: Number
    parameter_norm: Number
    distance_from_kinks: Number | None
    iterations: int | None


class SliceBlock(Wire):
    """Losses of some rows of a slice, from a first to before a last row and column."""

    rows: tuple[int, int] = Field(strict=False)
    columns: tuple[int, int] = Field(strict=False)
    loss: Rows


class AllEigenvalues(Wire):
    """Every eigenvalue of a Hessian, ascending."""

    values: Numbers
    error_bound: Number | None


class HessianColumns(Wire):
    """Some columns of a Hessian."""

    columns: Rows


class RitzValues(Wire):
    """What one start of Lanczos gives."""

    values: Numbers
    weights: Numbers
    residuals: Numbers


class MeasuredPath(Wire):
    """Losses along a path between two points."""

    position: Numbers
    loss: Numbers
    barrier: Number
    length: Number


class StraightLine(MeasuredPath):
    """A straight path, and its second end, whose neurons may have been put into another order."""

    last: Numbers


class BentCurve(MeasuredPath):
    """A curve after one round of bending."""

    control: Rows


class PolygonPath(MeasuredPath):
    """The path of the theory."""

    vertex_loss: list[Number]
    needed_neurons: list[int]
    vertices: Rows


class NoPolygon(Wire):
    """Why the path of the theory does not exist here."""

    reason: str


class Trainings(Wire):
    """Losses after some trainings at one width."""

    width: int
    loss: list[Number]


class RacedRuns(RunColumns):
    """Some runs of one optimiser from one scheme, with the relative distance to the minimum along each."""

    curve: list[list[Number | None]]


class FlowMoment(Wire):
    """A state of a gradient flow, from which it goes on, and what a reader of partial results wants to see of it."""

    theta: Numbers
    time: Number
    evaluations: int
    segment: int
    first_gradient: Number
    best_value: Number
    idle: Number
    stop: FlowStop | None = Field(strict=False)
    is_cut: bool
    log_loss: Number | None = Field(default=None, description="In the time of such losses.")
    objective: Number | None = Field(default=None, description="In plain time.")
    norm: Number


class FlowMoments(Wire):
    """The states after each segment of a chunk."""

    moments: list[FlowMoment]
