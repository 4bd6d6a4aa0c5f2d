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

    source: str = Field(description="Which point it is: its name, or where it was trained from.")
    point: Numbers = Field(description="All weights and biases, one after the other.")
    loss: Number = Field(description="Loss of the point.")
    gradient_norm: Number = Field(description="Norm of the gradient with respect to all weights and biases.")
    parameter_norm: Number = Field(description="Norm of all weights together.")
    distance_from_kinks: Number | None = Field(
        description="Least distance, over samples and neurons, to where an activation has a kink; null without kinks."
    )
    stationarity: Number = Field(description="Norm of the generalised gradient of least norm.")
    kinks: int = Field(description="Pre-activations that lie on their kink.")
    converged: bool | None = Field(description="Whether the training ended at rest; null for a point that was given.")
    iterations: int | None = Field(description="Iterations of the training; null for a point that was given.")
    path: Rows = Field(description="Points from the start of the training to its end; empty where none was asked for.")


class ProjectedPoints(Wire):
    """Points by least squares on the plane of a slice."""

    alpha: Numbers = Field(description="Multiples of the first direction.")
    beta: Numbers = Field(description="Multiples of the second direction.")
    loss: Numbers = Field(description="Losses of the points themselves.")
    distance: Numbers = Field(description="Distances of the points from the plane.")
    explained: Number = Field(description="Share of the squared distances from the centre that lies in the plane.")


class SliceBlock(Wire):
    """Losses of some rows of a slice, from a first to before a last row and column."""

    rows: tuple[int, int] = Field(strict=False, description="First row, and the row after the last.")
    columns: tuple[int, int] = Field(strict=False, description="First column, and the column after the last.")
    loss: Rows = Field(description="Losses, a list for each row.")


class AllEigenvalues(Wire):
    """Every eigenvalue of a Hessian, ascending."""

    values: Numbers = Field(description="Eigenvalues, ascending.")
    error_bound: Number | None = Field(description="Largest error of an eigenvalue; null where it is not known.")


class HessianColumns(Wire):
    """Some columns of a Hessian."""

    columns: Rows = Field(description="Columns of the Hessian, a list for each.")


class RitzValues(Wire):
    """What one start of Lanczos gives."""

    values: Numbers = Field(description="Estimates of eigenvalues, ascending.")
    weights: Numbers = Field(description="Share of the spectrum that each estimate stands for; they add up to 1.")
    residuals: Numbers = Field(description="How far each estimate is, at most, from an eigenvalue.")


class MeasuredPath(Wire):
    """Losses along a path between two points."""

    position: Numbers = Field(description="Where on the path each loss is: from 0 at its first end to 1 at its second.")
    loss: Numbers = Field(description="Loss at each position.")
    barrier: Number = Field(description="Largest loss on the path above that of its higher end.")
    length: Number = Field(description="Length of the path in the space of all weights.")


class StraightLine(MeasuredPath):
    """A straight path, and its second end, whose neurons may have been put into another order."""

    last: Numbers = Field(description="Weights of the second end, as they were reordered.")


class BentCurve(MeasuredPath):
    """A curve after one round of bending."""

    control: Rows = Field(description="Control points of the curve, a list of weights for each.")


class PolygonPath(MeasuredPath):
    """The path of the theory."""

    vertex_loss: list[Number] = Field(description="Loss at each corner of the path.")
    needed_neurons: list[int] = Field(description="Neurons that the path needs in each hidden layer.")
    vertices: Rows = Field(description="Corners of the path, a list of weights for each.")


class NoPolygon(Wire):
    """Why the path of the theory does not exist here."""

    reason: str = Field(description="The reason.")


class Trainings(Wire):
    """Losses after some trainings at one width."""

    width: int = Field(description="Width of every hidden layer in these trainings.")
    loss: list[Number] = Field(description="Loss at the end of each training.")


class RacedRuns(RunColumns):
    """Some runs of one optimiser from one scheme, with the relative distance to the minimum along each."""

    curve: list[list[Number | None]] = Field(
        description="For each run the relative distance to the minimum along it; null where the run diverged."
    )


class RaceFloor(Wire):
    """What a race on a ReLU network is measured against."""

    floor: Number = Field(description="Loss of the global minimum, or the lower bound on it.")
    trivial: bool = Field(description="Whether the network without units is the best one known.")
    parameter_norm: Number = Field(description="Norm of all weights of that network.")
    reason: str = Field(description="Why the floor is a lower bound; empty where it is the minimum.")


class FlowMoment(Wire):
    """A state of a gradient flow, from which it goes on, and what a reader of partial results wants to see of it."""

    theta: Numbers = Field(description="All weights and biases, one after the other.")
    time: Number = Field(description="Time of the flow so far, in the parameter that the answer names.")
    evaluations: int = Field(description="Gradients so far.")
    segment: int = Field(description="Segments so far.")
    first_gradient: Number = Field(description="Norm of the gradient at the start.")
    best_value: Number = Field(description="Least value so far of what the flow lowers.")
    idle: Number = Field(description="Time since that value last fell noticeably.")
    stop: FlowStop | None = Field(strict=False, description="Why the flow ended; null while it goes on.")
    is_cut: bool = Field(
        description="Whether the last segment was cut short because it took too many gradients; the next goes on."
    )
    log_loss: Number | None = Field(default=None, description="In the time of such losses.")
    objective: Number | None = Field(default=None, description="In plain time.")
    norm: Number = Field(description="Norm of all weights together.")


class FlowMoments(Wire):
    """The states after each segment of a chunk."""

    moments: list[FlowMoment] = Field(description="The states, in the order of time.")
