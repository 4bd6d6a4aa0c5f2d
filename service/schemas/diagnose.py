"""The question where given weights stand in the landscape of a network, and its answer."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import ConfigDict, Field

from service.schemas.base import (
    EngineVersion,
    Integer,
    Items,
    Number,
    OfRequest,
    ProblemHash,
    Reasons,
    Summary,
    TimeLimit,
    Vector,
    Wire,
    example,
)
from service.schemas.minima import StationaryPoint, Terms
from service.schemas.model_files import OfModel
from service.schemas.problem import ProblemDocument
from service.schemas.relu_verdict import ReluJudgement
from service.schemas.weights import BiasVector, Weight
from service.vocabulary import Evidence, NumberFormat, PointClass, Status, ToleranceSource

DIAGNOSE_EXAMPLE: Final[dict[str, Any]] = {
    "network": {"layers": [{"width": 2, "weight_decay": 0.1}, {"width": 2, "weight_decay": 0.1}]},
    "data": {"kind": "moments", "xx": [[1.0, 0.0], [0.0, 1.0]], "xy": [[2.0, 0.0], [0.0, 1.0]], "yy": 5.0},
    "weights": [[[0.0, 0.0], [0.0, 0.9486832980505138]], [[0.0, 0.0], [0.0, 0.9486832980505138]]],
}

DESCRIPTION: Final = """Classify the point by its exact gradient and Hessian, and measure it against the global minimum.

The body is a problem with `weights` (and `biases`) beside it, or `{"problem": ..., "weights": ...}`. Losses,
gradients and eigenvalues come back in the caller's convention.

A network with activations, or a loss other than the squared one, needs samples and no noise. Its class is what gradient
and Hessian show at the point (`evidence` is `observed`, or `proved` where the gradient is above its rounding); `gap` is
null with a reason unless a solver knows the minimum.

Weights of a two-layer ReLU network of one output with decay on both layers are judged against networks of any width:
`relu_verdict` certifies them, refutes them with the unit that is missing, or leaves the gap open. `effort` bounds the \
search; ask for a job (`prefer: respond-async`) where it is large."""
EXAMPLES: Final[Mapping[str, Any]] = {
    "a saddle: the stronger direction is missing": DIAGNOSE_EXAMPLE,
    "a trained ReLU network: refuted, with the unit that it lacks": {
        "network": {
            "layers": [{"width": 2, "activation": "relu", "weight_decay": 0.01}, {"width": 1, "weight_decay": 0.01}]
        },
        "data": {
            "kind": "samples",
            "x": [[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]],
            "y": [1.0, -1.0, -1.0, 1.0],
        },
        "objective": {"convention": "half_mean"},
        "weights": [[[0.6, 0.6], [-0.6, -0.6]], [[0.8, 0.8]]],
    },
    "a network with an activation: loss, gradient and curvature": {
        "network": {"layers": [{"width": 2, "activation": "tanh", "weight_decay": 0.01}, {"width": 1}]},
        "data": {"kind": "samples", "x": [[1.0, 0.5], [-0.5, 1.0], [0.5, -1.5]], "y": [[1.0], [0.0], [0.5]]},
        "weights": [[[0.5, 0.0], [0.0, -0.5]], [[1.0, -1.0]]],
    },
}


class DiagnoseOptions(Wire):
    """What stands beside a problem: the point, and what is to be said about it."""

    weights: Items[Weight] = Field(
        min_length=1, description="The point: one matrix for each layer, width x inputs, or its factors."
    )
    biases: Items[BiasVector] | None = Field(
        default=None, description="One vector for each layer with a bias, null for the others."
    )
    include: list[Literal["spectrum"]] = Field(
        default=[], max_length=10, description="Parts left out by default: all eigenvalues of the Hessian at the point."
    )
    model: OfModel = None
    effort: Integer = Field(
        default=20_000,
        ge=0,
        le=1_000_000,
        description="Work that the verdict on a two-layer ReLU network with decay may take, in cones of some 50 "
        "microseconds of a core; training counts by its time. 0: only what the given weights prove without a search.",
    )
    tolerance: Number = Field(
        default=1e-6,
        ge=1e-9,
        le=1.0,
        description="Relative gap to the lower bound up to which a two-layer ReLU network counts as a global minimum.",
    )
    gradient_tolerance: Number | None = Field(
        default=None,
        ge=0,
        description="Norm of the gradient, in the convention of the request, up to which a point counts as "
        "stationary. By default the gradient must be zero within its own rounding.",
    )
    time_limit_s: TimeLimit = None


class DiagnoseRequest(DiagnoseOptions):
    """A problem, wrapped, with the weights beside it."""

    problem: ProblemDocument = Field(description="The problem that is asked about.")


class BareDiagnoseRequest(DiagnoseOptions, ProblemDocument):
    """A problem as it is, with the weights as a further field; read as the wrapped form."""

    model_config = ConfigDict(**example(DIAGNOSE_EXAMPLE))


class KnownMinimum(Wire):
    """The global minimum that the point is measured against."""

    loss: Number = Field(description="Loss of the global minimum, or the best value known.")
    lower_bound: Number = Field(description="Lower bound on the loss of all weights.")
    status: Status = Field(strict=False, description="How sure the minimum is.")
    solver: str = Field(description="Name of the solver that found it.")


class Inertia(Wire):
    """Signs of the eigenvalues of the Hessian; zero within `zero_tolerance`."""

    positive: int = Field(description="Number of positive eigenvalues.")
    negative: int = Field(description="Number of negative eigenvalues.")
    zero: int = Field(description="Number of eigenvalues within `zero_tolerance` of zero.")


class Direction(Wire):
    """A singular direction of the least-squares map, in coordinates where the inputs are white."""

    index: int = Field(description="From the strongest, counted from 0.")
    target: Number = Field(description="Singular value of the least-squares map.")
    reached: Number = Field(description="Singular value of the weights along it.")
    optimal: Number | None = Field(
        default=None, description="Singular value of the global minimiser along it; absent where no minimiser is known."
    )
    output: Vector = Field(description="Unit vector of the outputs.")
    input: Vector = Field(description="Unit vector of the inputs.")


class Directions(Wire):
    """Singular directions by their state against the global minimiser, or the least-squares map without one."""

    learned: list[Direction] = Field(description="Within 1 % of the optimum.")
    stuck: list[Direction] = Field(description="Neither learned nor missing.")
    missing: list[Direction] = Field(description="Needed, and less than 1 % of it is learned.")
    not_needed: list[Direction] = Field(description="Zero here and at the optimum.")


class Escape(Wire):
    """A straight step to a lower loss; the decrease is what the step achieves."""

    kind: Literal["gradient", "negative_curvature", "higher_order"] = Field(
        description="What the step follows: the negative gradient, a direction of negative curvature, or a "
        "direction along which only higher derivatives fall."
    )
    step: Number = Field(description="Length to go along the unit direction.")
    decrease: Number = Field(description="Loss at the point less the loss after the step; positive.")
    loss: Number = Field(description="Loss after the step.")
    weights: list[Weight] | None = Field(
        description="Unit direction of the step, in the shapes of the weights; null with a reason where it is too "
        "large for one answer."
    )
    biases: list[BiasVector] | None = Field(default=None, description="Beside the weights; only with a bias.")
    reasons: Reasons


class Imbalance(Wire):
    """How far two neighbouring layers are from balance; layers are counted from 1."""

    layers: list[int] = Field(description="The two neighbouring layers, from 1.")
    imbalance: Number = Field(
        description="Frobenius norm of g W W^T of the lower layer minus g W^T W of the upper one; g = 1 without decay, "
        "where the matrix itself is conserved by gradient flow."
    )


class HessianSpectrum(Wire):
    """Eigenvalues of the Hessian at the point, ascending."""

    values: list[Number] = Field(description="With respect to all weights and biases.")
    error_bound: Number = Field(
        description="Bound on the error of each eigenvalue, except for rounding in small eigenproblems."
    )
    blocks: int = Field(description="Independent blocks into which the Hessian fell.")
    layers: list[list[Number]] | None = Field(
        description="Eigenvalues of the block of each layer alone, ascending; null with a reason where they were "
        "not computed."
    )
    reasons: Reasons


class DiagnoseAnswer(Wire):
    """Where the weights stand: loss, class, distance to the minimum, and the way out."""

    summary: Summary = []
    class_: PointClass = Field(
        strict=False,
        validation_alias="class",
        serialization_alias="class",
        description="What kind of point the weights are.",
    )
    evidence: Evidence = Field(strict=False, description="How the class is known.")
    because: str = Field(description="What decided the class.")
    loss: Number = Field(description="Loss of the weights.")
    terms: Terms = Field(description="The same, split.")
    gap: Number | None = Field(
        description="Loss above the global minimum, or above the best value known; null with a reason where "
        "neither is known."
    )
    gap_lower_bound: Number | None = Field(
        description="Least that the gap can be, by the certificate of the minimum; null without one."
    )
    gap_upper_bound: Number | None = Field(
        description="Most that the gap can be, by the certificate of the minimum; null without one."
    )
    global_minimum: KnownMinimum | None = Field(
        description="The minimum that the gap is measured from; null with a reason where no solver covers the problem."
    )
    gradient_norm: Number = Field(description="Norm of the gradient with respect to all weights and biases.")
    gradient_tolerance: Number = Field(description="Largest norm at which a gradient in this direction counts as zero.")
    tolerance_source: ToleranceSource = Field(
        strict=False,
        description="The source of `gradient_tolerance`: the rounding of this gradient at this point, the precision in "
        "which the weights are stored, the weights of the minimum as `minima` returns them, or the request.",
    )
    precision: NumberFormat = Field(
        strict=False, description="The format in which the weights are stored, judged by their digits."
    )
    least_hessian_eigenvalue: Number | None = Field(
        description="Least eigenvalue of the Hessian; null with a reason where it was not computed."
    )
    sharpness: Number | None = Field(
        description="Largest eigenvalue of the Hessian, by Lanczos for a network of more than a thousand parameters; "
        "null with a reason where it was not computed."
    )
    largest_stable_step: Number | None = Field(
        description="2 / sharpness: gradient descent with a larger constant step leaves this point, if it is "
        "stationary, from almost every start near it. Null with a reason where the sharpness is not known or not "
        "positive."
    )
    zero_tolerance: Number = Field(description="Eigenvalues of smaller modulus count as zero.")
    inertia: Inertia | None = Field(
        description="Signs of the eigenvalues of the Hessian; null with a reason where it was not computed."
    )
    directions: Directions | None = Field(
        description="Which singular directions the weights have learned; null with a reason unless the network is "
        "linear and the loss the squared one."
    )
    escape: Escape | None = Field(description="A step to a lower loss; null with a reason where none was found.")
    invariants: list[Imbalance] | None = Field(
        description="What gradient flow conserves between neighbouring layers; null with a reason unless the network "
        "is linear and the loss the squared one."
    )
    next_stationary_loss: Number | None = Field(
        description="Largest known stationary value below the loss; null with a reason where none is known."
    )
    plateau: StationaryPoint | None = Field(
        description="The stationary point near which training lingers; null with a reason where there is none."
    )
    relu_verdict: ReluJudgement | None = Field(
        default=None,
        description="Whether the weights are a global minimum over networks of any width, with a proof; only for "
        "two-layer ReLU networks of one output with decay on both layers.",
    )
    spectrum: HessianSpectrum | None = Field(
        default=None, description="All eigenvalues of the Hessian; only where `include` has `spectrum`."
    )
    model: OfModel = None
    reasons: Reasons
    convention: OfRequest
    engine_version: EngineVersion
    problem_hash: ProblemHash
