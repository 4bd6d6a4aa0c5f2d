"""The answer of `/v1/minima`: losses in the caller's convention, every null with its reason."""

from typing import Final, Literal

from pydantic import Field

from service.schemas.base import Matrix, Number, Reasons, Vector, Wire
from service.schemas.certificate import Certificate, Fact, HypothesisFinding
from service.schemas.models import FeatureGeometry, Variational
from service.schemas.problem import ProblemDocument
from service.schemas.weights import BiasVector, Weight
from service.vocabulary import Convention, Evidence, PointClass, PointKind, Status


class Terms(Wire):
    """The loss, split into its three parts."""

    fit: Number = Field(description="Squared error of the mean prediction.")
    noise: Number = Field(description="Variance of the prediction under noise.")
    decay: Number


class MapInUnitsSent(Wire):
    """The mean prediction of the numbers as they were sent, where they were prepared."""

    end_to_end_map: Matrix | None = Field(description="Outputs x inputs.")
    output_offset: Vector | None = Field(description="Mean prediction where every input is 0.")
    reasons: Reasons


class GlobalMinimum(Wire):
    """The global minimum, or the infimum where it is not attained."""

    loss: Number
    terms: Terms
    trivial: bool = Field(description="Whether the zero map is a global minimiser.")
    attained: bool
    rank: int
    end_to_end_map: Matrix = Field(
        description="Mean prediction as a linear map, outputs x inputs; for free features outputs x classes, "
        "the inputs being the normalised indicators of the classes."
    )
    singular_values: list[Number]
    output_offset: Vector | None = Field(default=None, description="Mean prediction at x = 0; only with a bias.")
    in_units_sent: MapInUnitsSent | None = Field(
        default=None,
        description="The same map from inputs and to targets as they were sent; only where they were prepared, by "
        "`standardise` or because inputs were beyond the range of the computation.",
    )
    weights: list[Weight] | None = Field(
        description="In the order of the layers. Free features come first, as one column a class that is sqrt(n_k) "
        "times their feature; a variational autoencoder has its encoder and decoder."
    )
    biases: list[BiasVector] | None = Field(default=None, description="Beside the weights; only with a bias.")
    skip_weights: list[Weight | None] | None = Field(
        default=None, description="Beside the weights, in the order of the skips; null for a skip without weights."
    )
    layer_norms: list[Number] | None = Field(default=None, description="Frobenius norms of the weights; see `include`.")
    prediction_variance: Number = Field(description="Mean over the inputs of the variance of the prediction.")
    evaluation_fit: Number | None = Field(
        default=None, description="Fit on the evaluation data; only where those are given."
    )
    uniqueness: str
    reasons: Reasons


class StationaryPoint(Wire):
    """A stationary point, or a family of them with the same loss and class."""

    kind: PointKind = Field(strict=False)
    loss: Number
    class_: PointClass = Field(strict=False, validation_alias="class", serialization_alias="class")
    norm: Number = Field(description="Frobenius norm of the end-to-end map.")
    parameter_norm: Number = Field(description="Norm of all weights.")
    evidence: Evidence = Field(strict=False, description="How the class is known.")
    label: dict[str, int | Number | str | list[int]] | None = Field(
        None, description="Distinguishes points of one kind, where there are several."
    )


class Transition(Wire):
    """A change of the global minimiser as all decays grow together."""

    decay_scale: Number
    order: int
    norm_before: Number
    norm_after: Number


class Thresholds(Wire):
    """Where the global minimum changes its nature; no convention enters these numbers."""

    critical_decay_scale: Number | None = Field(description="Factor on all decays beyond which the minimum is zero.")
    metastable_up_to_decay_scale: Number | None
    critical_noise_variance: Number | None = Field(description="Common variance put on every hidden layer.")
    critical_noise_scale: Number | None = Field(description="Factor on the given variances.")
    transition_order: int | None
    transitions: list[Transition]
    reasons: Reasons


class Origin(Wire):
    """The point where all weights are zero."""

    class_: PointClass = Field(strict=False, validation_alias="class", serialization_alias="class")
    least_hessian_eigenvalue: Number | None
    barrier_height: Number | None
    escape_norm: Number | None = Field(description="Every start with a smaller parameter norm flows to the origin.")
    reasons: Reasons


class Numerics(Wire):
    """What decides how many digits can be trusted; answers of engine 0.1.0 have the first two only."""

    condition_number: Number = Field(description="Largest over smallest second moment of the inputs as sent.")
    rank_tolerance: Number
    scaled_condition: Number | None = Field(
        default=None,
        description="Condition number of the inputs with columns scaled to one size, an estimate; means are taken off "
        "where the network has a bias.",
    )
    rank: int | None = Field(default=None, description="Directions in which the inputs vary, beyond rounding.")
    digits_lost_to_offsets: Number | None = Field(
        default=None, description="Decimal digits that the means of the inputs take from what varies around them."
    )
    moments_changed_by: Number | None = Field(
        default=None,
        description="Largest change, relative to the sizes of the inputs, that made the moments those of some data; "
        "rounding only.",
    )
    advice: str | None = Field(default=None, description="Present where the gap is open: what would close it.")


IN_RANGE: Final = (
    "Only where inputs lie beyond the range: norms and weights are those of inputs divided by these powers of two."
)


class PreparedColumn(Wire):
    """What was done to an input or a target: `(value - shift) / scale`."""

    shift: Number
    scale: Number


class DataSummary(Wire):
    """Which data the answer is about."""

    kind: Literal["samples", "moments", "factor", "example", "none"]
    inputs: int
    outputs: int
    samples: int | None
    preparation: Literal["as sent", "raw", "centred and scaled", "standardised", "within range"] = Field(
        description="`within range`: inputs too large or too small for squares in double precision are measured in "
        "other units, powers of two, given by `input_columns`; weights of the first layer and the end-to-end map "
        "are those of these units. Loss and bounds are those of the numbers that were sent: decay acts on the weights "
        "divided by the scale, and an input so small that decay leaves it nothing is zero."
    )
    input_columns: list[PreparedColumn] | None = Field(default=None, description="Only where numbers were prepared.")
    target_columns: list[PreparedColumn] | None = Field(default=None, description="Only where numbers were prepared.")
    reasons: Reasons


class MinimaAnswer(Wire):
    """A certified global minimum with its landscape."""

    status: Status = Field(strict=False)
    solver: str
    theorems: list[str]
    global_minimum: GlobalMinimum
    stationary_points: list[StationaryPoint]
    completeness: str = Field(description="Whether the list of stationary points is proved to be complete.")
    thresholds: Thresholds
    origin: Origin
    certificate: Certificate
    hypotheses: list[HypothesisFinding]
    numerics: Numerics
    data: DataSummary
    convention: Convention = Field(strict=False)
    reductions: list[str] | None = Field(
        default=None,
        description="The exact steps from the problem to the plain network that `solver` solved; only where there are "
        "frozen layers, skips or weights of the error. Numbers are those of the problem as it was asked.",
    )
    features: FeatureGeometry | None = Field(default=None, description="Only for `unconstrained_features`.")
    variational: Variational | None = Field(default=None, description="Only for `linear_vae`.")
    classes: list[int] | None = Field(default=None, description="The label of each output; for classification only.")
    problem: ProblemDocument | None = Field(
        default=None, description="The problem, where `return.problem` asks for it."
    )
    engine_version: str
    problem_hash: str


__all__ = ["Fact", "MinimaAnswer"]
