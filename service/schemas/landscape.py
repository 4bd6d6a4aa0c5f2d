"""The request and the answer of `/v1/landscape`; losses are in the caller's convention."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import Field

from service.schemas.base import (
    EngineVersion,
    Labels,
    Number,
    OfRequest,
    ProblemHash,
    Reasons,
    Summary,
    TimeLimit,
    Wire,
)
from service.schemas.certificate import Fact
from service.schemas.flatness import LearningCoefficient
from service.schemas.minima import (
    IN_RANGE,
    BarrierHeight,
    EscapeNorm,
    LeastEigenvalue,
    PreparedColumn,
    StationaryPoint,
    Thresholds,
)
from service.schemas.problem import ProblemDocument
from service.schemas.slices import SlicesAnswer
from service.schemas.spectra import SpectraAnswer
from service.vocabulary import Evidence, PointClass, Property, TheoremStatus

DESCRIPTION: Final = """Check every theorem of the catalogue on the problem and return the conclusions.

The body is a problem, linear or not, with data or without, or `{"problem": ..., "include": [...]}`.
With `accept: image/svg+xml` or `image/png` what can be drawn of the answer is a picture."""
EXAMPLES: Final[Mapping[str, Any]] = {
    "ReLU with biases on a few samples": {
        "network": {"layers": [{"width": 6, "activation": "relu"}, {"width": 1}], "bias": "all"},
        "data": {
            "kind": "samples",
            "x": [[-2.0, 0.0], [-1.5, 1.5], [-1.0, -0.5], [0.5, 0.5], [1.0, 2.0], [1.5, 0.0]],
            "y": [1.0, 0.0, 2.0, 1.5, 0.0, -2.0],
        },
    },
    "a linear network, without data": {
        "network": {"layers": [{"width": 4}, {"width": 4}, {"width": 2}]},
        "data": {"kind": "none", "inputs": 3},
    },
}


class LandscapeOptions(Wire):
    """What stands beside a problem and does not change it."""

    include: list[Literal["minimum", "witnesses", "learning_coefficient", "hessian", "slice", "interpolation"]] = Field(
        default=[],
        max_length=10,
        description="Parts that are absent by default: the minimum, its stationary points and barcode where it would "
        "have to be searched for longer than a summary takes; verified witnesses; the learning coefficient; around the "
        "global minimum, or a trained point where no solver has one, the spectrum of the Hessian, a slice, and the "
        "line to the origin.",
    )
    time_limit_s: TimeLimit = None


class LandscapeRequest(LandscapeOptions):
    """A problem, wrapped, with options beside it."""

    problem: ProblemDocument = Field(description="The problem that is asked about.")


class BareLandscapeRequest(LandscapeOptions, ProblemDocument):
    """A problem as it is, with options as further fields; read as the wrapped form."""


class MissingHypothesis(Wire):
    """A hypothesis that a theorem lacks on this problem."""

    name: str = Field(description="Name of the hypothesis.")
    reason: str = Field(description="Why it fails or is unknown.")
    remedy: str | None = Field(
        default=None,
        description="A change of the network after which the hypothesis holds; absent where the data would have to be "
        "others, or no single change is known.",
    )


class NearRule(Wire):
    """A theorem that would decide a verdict, and what it lacks."""

    rule: str = Field(description="Id of the theorem; see `/v1/theorems`.")
    title: str = Field(description="What it says, in one line.")
    value: bool = Field(description="The verdict that it would give.")
    missing: list[MissingHypothesis] = Field(description="The one hypothesis, or the two, that fail or are unknown.")


class Verdict(Wire):
    """What is known about one property of the landscape."""

    value: bool | None = Field(description="Whether the landscape has the property; null if that is unknown.")
    evidence: Evidence | None = Field(strict=False, description="How the value is known; null if the value is null.")
    because: list[str] = Field(description="Ids of the theorems that decided; see `/v1/theorems`.")
    reason: str = Field(description="Why the value is unknown, or how it follows.")
    vacuous: bool = Field(description="True where the property holds only because nothing of the kind exists here.")
    nearest: list[NearRule] | None = Field(
        default=None,
        description="Where the value is null: at most three theorems that lack one hypothesis, or two with remedies; "
        "the nearest first.",
    )


class HypothesisResult(Wire):
    """A hypothesis with the numbers that decided."""

    name: str = Field(description="Name of the hypothesis.")
    holds: bool | None = Field(description="Whether it holds; null if that is unknown, which `reason` explains.")
    evidence: dict[str, Fact] = Field(description="The numbers and words that decided, by name.")
    reason: str = Field(default="", description="The reason why it fails or is unknown.")


class Conclusion(Wire):
    """What a rule says about one property."""

    property: Property = Field(strict=False, description="The property of the landscape.")
    value: bool = Field(description="Whether the rule says that the landscape has the property.")


class Rule(Wire):
    """A theorem of the catalogue, tried on the problem."""

    id: str = Field(description="Id of the theorem; see `/v1/theorems`.")
    title: str = Field(description="What it says, in one line.")
    applies: bool | None = Field(description="Whether all hypotheses hold; null if one is unknown and none fails.")
    status: TheoremStatus = Field(strict=False, description="How far the theorem itself is confirmed.")
    source: str = Field(description="Paper and theorem, or the page that proves it.")
    hypotheses: list[HypothesisResult] = Field(description="Every hypothesis as it was judged on this problem.")
    conditions: list[HypothesisResult] = Field(description="Further conditions of single conclusions.")
    concludes: list[Conclusion] = Field(description="What follows where it applies.")
    decides: bool = Field(description="Whether its conclusions count: it applies, and its source is confirmed.")


class LandscapeOrigin(Wire):
    """The point where all weights are zero."""

    class_: PointClass | None = Field(
        strict=False,
        validation_alias="class",
        serialization_alias="class",
        description="What kind of point it is; null with a reason where no theorem or solver says.",
    )
    evidence: Evidence | None = Field(strict=False, description="How the class is known; null if the class is null.")
    because: list[str] = Field(description="Ids of the theorems that decided, or the solver.")
    least_hessian_eigenvalue: LeastEigenvalue
    barrier_height: BarrierHeight
    escape_norm: EscapeNorm
    reasons: Reasons


class ReducedCurve(Wire):
    """Least loss over all networks whose end-to-end map has each norm."""

    norm: list[Number] = Field(description="Frobenius norms of the end-to-end map, ascending.")
    loss: list[Number] = Field(description="Least loss at each norm.")


class Bar(Wire):
    """A local minimum in the barcode of sublevel sets, modulo the symmetries of the weights."""

    birth: Number = Field(description="Loss of the minimum.")
    death: Number | None = Field(
        description="Loss of the lowest pass to a deeper minimum; null with a reason for the deepest minimum, and "
        "where only bounds are known."
    )
    persistence: Number | None = Field(description="`death` less `birth`; null where `death` is null.")
    death_at_least: Number | None = Field(description="Lower bound on the pass, where only bounds are known.")
    death_at_most: Number | None = Field(
        description="Height of an explicit path to a deeper minimum, where only bounds are known."
    )
    norm: Number = Field(description="Frobenius norm of the end-to-end map at the minimum.")
    exact: bool = Field(description="Whether `death` is the exact height of the pass.")
    reasons: Reasons


class WitnessPoint(Wire):
    """Weights and biases of the posed network, layer by layer."""

    weights: list[list[list[Number]]] = Field(description="One matrix for each layer, width x inputs.")
    biases: list[list[Number] | None] = Field(description="One vector for each layer with a bias, null for the others.")


class Witness(Wire):
    """An explicit point or path of this very network, with the numbers that show what it is."""

    id: str = Field(description="Name of the kind of witness.")
    title: str = Field(description="What it shows, in one line.")
    rule: str = Field(description="Id of the theorem that it illustrates.")
    claim: str = Field(description="What it shows of this network.")
    verified: bool = Field(description="Whether the claim was checked and holds for these weights.")
    evidence: Evidence = Field(strict=False, description="`observed`: checked numerically at this point.")
    numbers: dict[str, Fact] = Field(description="The numbers that show it, by name.")
    weights: list[list[list[Number]]] | None = Field(
        description="One matrix for each layer, width x inputs; null where they are too many for one answer."
    )
    biases: list[list[Number] | None] | None = Field(
        description="One vector for each layer with a bias, null for the others; null where they are too many for "
        "one answer."
    )
    better: WitnessPoint | None = Field(
        default=None, description="A network of smaller loss; absent where the claim is not about one."
    )
    path: list[WitnessPoint] = Field(default=[], description="Corners of a polygon, or the points that are classified.")
    classes: list[PointClass] = Field(default=[], description="The class of each point of `path`.")
    targets: list[list[Number]] | None = Field(
        default=None, description="Targets for the same inputs, where the claim is not about those that were posted."
    )
    exponent: list[Number] | None = Field(
        default=None,
        description="The vector w of the added neuron a exp(w.x + b); only where the claim is about such a neuron.",
    )
    reason: str = Field(default="", description="Why weights are left out; empty where all are listed.")


class DataFacts(Wire):
    """Facts of the data; one that the data do not determine is null with its reason."""

    samples: int | None = Field(description="Number of samples.")
    distinct_inputs: int | None = Field(description="Number of different inputs.")
    conflicting_inputs: int | None = Field(description="Number of inputs that come with different targets.")
    rank_x: int | None = Field(description="Rank of the inputs.")
    rank_x_and_one: int | None = Field(description="Rank of the inputs beside a constant column.")
    rank_y: int | None = Field(description="Rank of the targets.")
    rank_xy: int | None = Field(description="Rank of E[x y^T].")
    rank_tolerance: Number | None = Field(description="Eigenvalues of E[x x^T] up to this count as zero.")
    singular_values: list[Number] | None = Field(
        description="Singular values of the targets projected on the row space of the inputs, divided by sqrt(n)."
    )
    affine_residual: Number | None = Field(
        description="Mean squared error of the best affine map to the mean target of each input."
    )
    linearly_separable: bool | None = Field(description="Whether an affine map separates the classes.")
    margin_with_offset: Number | None = Field(
        description="Largest margin of an affine map with coefficients in [-1, 1] on inputs of length at most 1; "
        "0 where no map separates the classes."
    )
    whitened: bool | None = Field(description="Whether E[x x^T] is a multiple of the identity, to rounding.")
    whitening_deviation: Number | None = Field(
        description="Largest deviation of an eigenvalue of E[x x^T] from their mean, relative to the mean."
    )
    kernel_least_eigenvalue: Number | None = Field(
        description="Least eigenvalue of the kernel matrix of the first layer on the samples."
    )
    reasons: Reasons


class LandscapeAnswer(Wire):
    """What is known about the landscape of exactly this problem."""

    summary: Summary = []
    verdicts: dict[str, Verdict] = Field(description="One verdict for each property.")
    rules: list[Rule] = Field(description="Every theorem on landscapes, tried on this problem.")
    origin: LandscapeOrigin = Field(description="What the landscape is like where all weights are zero.")
    stationary_points: list[StationaryPoint] = Field(
        description="The stationary points that are known, the origin first."
    )
    stationary_point_count: int = Field(description="Number of all that are known; the list may be shorter.")
    completeness: str = Field(description="Whether the list of stationary points is proved to be complete, in words.")
    thresholds: Thresholds | None = Field(
        description="Where the minimum changes its nature; null with a reason where no solver covers the problem."
    )
    reduced_curve: ReducedCurve | None = Field(
        description="Least loss at each norm of the map; null with a reason except for networks with one output."
    )
    barcode: list[Bar] = Field(description="Local minima by how deep their basins are.")
    facts: DataFacts = Field(description="What the data decide before any training.")
    witnesses: list[Witness] | None = Field(
        default=None, description="Verified witnesses; only where `include` asks for them."
    )
    learning_coefficient: LearningCoefficient | None = Field(
        default=None,
        description="How fast the volume of nearly optimal weights vanishes; only where `include` asks for it.",
    )
    hessian: SpectraAnswer | None = Field(
        default=None, description="Spectrum of the Hessian; only where `include` asks for it."
    )
    slice: SlicesAnswer | None = Field(
        default=None, description="Losses around the point; only where `include` asks for them."
    )
    interpolation: SlicesAnswer | None = Field(
        default=None, description="Losses on the line to the origin; only where `include` asks for them."
    )
    solver: str | None = Field(
        description="Name of the solver that gives the minimum; null with a reason where none covers the problem."
    )
    input_columns: list[PreparedColumn] | None = Field(default=None, description=IN_RANGE)
    reasons: Reasons
    convention: OfRequest
    classes: Labels = None
    engine_version: EngineVersion
    problem_hash: ProblemHash
