"""The request and the answer of `/v1/landscape`; losses are in the caller's convention."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import Field

from service.schemas.base import Number, Reasons, Wire
from service.schemas.certificate import Fact
from service.schemas.minima import IN_RANGE, PreparedColumn, StationaryPoint, Thresholds
from service.schemas.problem import ProblemDocument
from service.schemas.slices import SlicesAnswer
from service.schemas.spectra import SpectraAnswer
from service.vocabulary import Convention, Evidence, PointClass, Property, TheoremStatus

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

    include: list[Literal["minimum", "witnesses", "hessian", "slice", "interpolation"]] = Field(
        default=[],
        max_length=10,
        description="Parts that are absent by default: the minimum, its stationary points and barcode where it would "
        "have to be searched for longer than a summary takes; verified witnesses; around the global minimum, or a "
        "trained point where no solver has one, the spectrum of the Hessian, a slice, and the line to the origin.",
    )
    time_limit_s: Number | None = Field(default=None, gt=0, description="Seconds; at most the server's own limit.")


class LandscapeRequest(LandscapeOptions):
    """A problem, wrapped, with options beside it."""

    problem: ProblemDocument


class BareLandscapeRequest(LandscapeOptions, ProblemDocument):
    """A problem as it is, with options as further fields; read as the wrapped form."""


class Verdict(Wire):
    """What is known about one property of the landscape."""

    value: bool | None
    evidence: Evidence | None = Field(strict=False, description="Null if the value is null.")
    because: list[str] = Field(description="Ids of the theorems that decided.")
    reason: str = Field(description="Why the value is unknown, or how it follows.")
    vacuous: bool = Field(description="Vacuously true: nothing of the kind exists here.")


class HypothesisResult(Wire):
    """A hypothesis with the numbers that decided."""

    name: str
    holds: bool | None
    evidence: dict[str, Fact]
    reason: str = Field(default="", description="The reason why it fails or is unknown.")


class Conclusion(Wire):
    """What a rule says about one property."""

    property: Property = Field(strict=False)
    value: bool


class Rule(Wire):
    """A theorem of the catalogue, tried on the problem."""

    id: str
    title: str
    applies: bool | None
    status: TheoremStatus = Field(strict=False)
    source: str
    hypotheses: list[HypothesisResult]
    conditions: list[HypothesisResult] = Field(description="Further conditions of single conclusions.")
    concludes: list[Conclusion]
    decides: bool = Field(description="Whether its conclusions count: it applies, and its source is confirmed.")


class LandscapeOrigin(Wire):
    """The point where all weights are zero."""

    class_: PointClass | None = Field(strict=False, validation_alias="class", serialization_alias="class")
    evidence: Evidence | None = Field(strict=False)
    because: list[str]
    least_hessian_eigenvalue: Number | None
    barrier_height: Number | None
    escape_norm: Number | None
    reasons: Reasons


class ReducedCurve(Wire):
    """Least loss over all networks whose end-to-end map has each norm."""

    norm: list[Number]
    loss: list[Number]


class Bar(Wire):
    """A local minimum in the barcode of sublevel sets, modulo the symmetries of the weights."""

    birth: Number
    death: Number | None
    persistence: Number | None
    death_at_least: Number | None = Field(description="Lower bound on the pass, where only bounds are known.")
    death_at_most: Number | None = Field(
        description="Height of an explicit path to a deeper minimum, where only bounds are known."
    )
    norm: Number
    exact: bool
    reasons: Reasons


class WitnessPoint(Wire):
    """Weights and biases of the posed network, layer by layer."""

    weights: list[list[list[Number]]]
    biases: list[list[Number] | None]


class Witness(Wire):
    """An explicit point or path of this very network, with the numbers that show what it is."""

    id: str
    title: str
    rule: str = Field(description="Id of the theorem that it illustrates.")
    claim: str
    verified: bool
    evidence: Evidence = Field(strict=False, description="`observed`: checked numerically at this point.")
    numbers: dict[str, Fact]
    weights: list[list[list[Number]]] | None
    biases: list[list[Number] | None] | None
    better: WitnessPoint | None = Field(default=None, description="A network of smaller loss.")
    path: list[WitnessPoint] = Field(default=[], description="Corners of a polygon, or the points that are classified.")
    classes: list[PointClass] = Field(default=[], description="The class of each point of `path`.")
    targets: list[list[Number]] | None = Field(
        default=None, description="Targets for the same inputs, where the claim is not about those that were posted."
    )
    exponent: list[Number] | None = Field(default=None, description="w of the added neuron a exp(w.x + b).")
    reason: str = ""


class DataFacts(Wire):
    """What the data say, each null with its reason."""

    samples: int | None
    distinct_inputs: int | None
    conflicting_inputs: int | None
    rank_x: int | None
    rank_x_and_one: int | None
    rank_y: int | None
    rank_xy: int | None
    rank_tolerance: Number | None
    singular_values: list[Number] | None = Field(
        description="Of the targets projected on the row space of the inputs, divided by sqrt(n)."
    )
    affine_residual: Number | None = Field(description="Of the conditional means, mean over samples.")
    linearly_separable: bool | None
    margin_with_offset: Number | None
    whitened: bool | None
    whitening_deviation: Number | None
    kernel_least_eigenvalue: Number | None
    reasons: Reasons


class LandscapeAnswer(Wire):
    """What is known about the landscape of exactly this problem."""

    verdicts: dict[str, Verdict]
    rules: list[Rule]
    origin: LandscapeOrigin
    stationary_points: list[StationaryPoint]
    stationary_point_count: int
    completeness: str
    thresholds: Thresholds | None
    reduced_curve: ReducedCurve | None
    barcode: list[Bar]
    facts: DataFacts
    witnesses: list[Witness] | None = Field(default=None, description="Where `include` asks for them.")
    hessian: SpectraAnswer | None = Field(default=None, description="Where `include` asks for it.")
    slice: SlicesAnswer | None = Field(default=None, description="Where `include` asks for it.")
    interpolation: SlicesAnswer | None = Field(default=None, description="Where `include` asks for it.")
    solver: str | None
    input_columns: list[PreparedColumn] | None = Field(default=None, description=IN_RANGE)
    reasons: Reasons
    convention: Convention = Field(strict=False)
    classes: list[int] | None = Field(default=None, description="The label of each output; for classification only.")
    engine_version: str
    problem_hash: str
