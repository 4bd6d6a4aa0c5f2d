"""The answer of `/v1/minima`: losses in the caller's convention, every null with its reason."""

from typing import Annotated, Final, Literal, TypeAlias

from pydantic import Field

from service.schemas.base import (
    EngineVersion,
    Labels,
    Matrix,
    Number,
    OfRequest,
    ProblemHash,
    Reasons,
    Summary,
    Vector,
    Wire,
)
from service.schemas.certificate import Certificate, Fact, HypothesisFinding
from service.schemas.flatness import Flatness, LearningCoefficient
from service.schemas.models import FeatureGeometry, Variational
from service.schemas.problem import ProblemDocument
from service.schemas.weights import BiasVector, Weight
from service.vocabulary import Evidence, PointClass, PointKind, Status


class Terms(Wire):
    """The loss, split into its three parts."""

    fit: Number = Field(description="Squared error of the mean prediction.")
    noise: Number = Field(description="Variance of the prediction under noise.")
    decay: Number = Field(
        description="Weight decay: the sum over the layers of their decay times the squared norm of their weights."
    )


class MapInUnitsSent(Wire):
    """The mean prediction of the numbers as they were sent, where they were prepared."""

    end_to_end_map: Matrix | None = Field(
        description="Mean prediction as a linear map, outputs x inputs; null with a reason where a number leaves "
        "double precision in these units, or where `return.map` is false."
    )
    output_offset: Vector | None = Field(
        description="Mean prediction where every input is 0; null with a reason where a number leaves double "
        "precision in these units."
    )
    reasons: Reasons


class GlobalMinimum(Wire):
    """The global minimum, or the infimum where it is not attained."""

    loss: Number = Field(description="Loss of the returned weights, or the infimum where none attain it.")
    terms: Terms = Field(description="The loss, split.")
    trivial: bool = Field(description="Whether the zero map is a global minimiser.")
    attained: bool = Field(description="Whether weights attain the infimum.")
    rank: int = Field(description="Rank of the end-to-end map.")
    end_to_end_map: Matrix | None = Field(
        description="Mean prediction as a linear map, outputs x inputs; for free features outputs x classes, "
        "the inputs being the normalised indicators of the classes. Null with a reason where `return.map` is false."
    )
    singular_values: list[Number] = Field(description="Singular values of the end-to-end map, descending.")
    output_offset: Vector | None = Field(default=None, description="Mean prediction at x = 0; only with a bias.")
    in_units_sent: MapInUnitsSent | None = Field(
        default=None,
        description="The same map from inputs and to targets as they were sent; only where they were prepared, by "
        "`standardise` or because inputs were beyond the range of the computation.",
    )
    weights: list[Weight] | None = Field(
        description="One matrix for each layer, in order; null with a reason where they were not asked for or "
        "where none attain the infimum. Free features come first, as one column a class that is "
        "sqrt(n_k) times their feature; a variational autoencoder has its encoder and decoder."
    )
    biases: list[BiasVector] | None = Field(
        default=None,
        description="One vector for each layer with a bias, null for the others; only with weights and a bias.",
    )
    skip_weights: list[Weight | None] | None = Field(
        default=None,
        description="One matrix for each skip, in the order of the skips, null for a skip without weights; only "
        "with weights and skips.",
    )
    layer_norms: list[Number] | None = Field(
        default=None, description="Frobenius norm of each layer's weights; only where `include` has `layer_norms`."
    )
    prediction_variance: Number = Field(description="Mean over the inputs of the variance of the prediction.")
    evaluation_fit: Number | None = Field(
        default=None, description="Fit on the evaluation data; only where those are given."
    )
    uniqueness: str = Field(description="Which other weights have the same loss, in words.")
    reasons: Reasons


class StationaryPoint(Wire):
    """A stationary point, or a family of them with the same loss and class."""

    kind: PointKind = Field(strict=False, description="Where the point comes from.")
    loss: Number = Field(description="Loss of the point.")
    class_: PointClass = Field(
        strict=False,
        validation_alias="class",
        serialization_alias="class",
        description="Whether it is a minimum or a saddle, and of which sort.",
    )
    norm: Number = Field(description="Frobenius norm of the end-to-end map.")
    parameter_norm: Number = Field(description="Norm of all weights together.")
    evidence: Evidence = Field(strict=False, description="How the class is known.")
    label: dict[str, int | Number | str | list[int]] | None = Field(
        None, description="What distinguishes points of one kind; only where there are several."
    )


class Transition(Wire):
    """A change of the global minimiser as all decays grow together."""

    decay_scale: Number = Field(description="Factor on all decays at which it happens.")
    order: int = Field(description="1: the minimiser jumps; 2: it changes continuously.")
    norm_before: Number = Field(description="Frobenius norm of the map just below that factor.")
    norm_after: Number = Field(description="Frobenius norm of the map just above that factor.")


class Thresholds(Wire):
    """Where the global minimum changes its nature; no convention enters these numbers."""

    critical_decay_scale: Number | None = Field(
        description="Factor on all decays beyond which the zero map is the minimum; null with a reason where "
        "there is none or it is not known."
    )
    metastable_up_to_decay_scale: Number | None = Field(
        description="Factor on all decays up to which a local minimum other than the origin survives; null with a "
        "reason where there is none or it is not known."
    )
    critical_noise_variance: Number | None = Field(
        description="Common noise variance of every hidden layer beyond which the zero map is the minimum; null "
        "with a reason where there is none or it is not known."
    )
    critical_noise_scale: Number | None = Field(
        description="Factor on the given noise variances beyond which the zero map is the minimum; null with a "
        "reason where there is none or it is not known."
    )
    transition_order: int | None = Field(
        description="How the minimum collapses to zero as decays grow: 1 by a jump, 2 continuously; null with a "
        "reason where there is none or it is not known."
    )
    transitions: list[Transition] = Field(
        description="Every change of the minimiser as all decays grow together, in that order."
    )
    reasons: Reasons


LeastEigenvalue: TypeAlias = Annotated[
    Number | None, Field(description="Least eigenvalue of the Hessian there; null with a reason where it is not known.")
]
BarrierHeight: TypeAlias = Annotated[
    Number | None,
    Field(
        description="How far the loss must rise on every path from the origin to the minimum; null with a reason "
        "where it is not known."
    ),
]
EscapeNorm: TypeAlias = Annotated[
    Number | None,
    Field(
        description="Every start with a smaller parameter norm flows to the origin; null with a reason where there is "
        "no such radius."
    ),
]


class Origin(Wire):
    """The point where all weights are zero."""

    class_: PointClass = Field(
        strict=False,
        validation_alias="class",
        serialization_alias="class",
        description="What kind of point the origin is.",
    )
    least_hessian_eigenvalue: LeastEigenvalue
    barrier_height: BarrierHeight
    escape_norm: EscapeNorm
    reasons: Reasons


class Numerics(Wire):
    """What decides how many digits can be trusted; answers of engine 0.1.0 have the first two only."""

    condition_number: Number = Field(
        description="Largest second moment of the inputs as sent, over the smallest that is not zero."
    )
    rank_tolerance: Number = Field(description="Second moments of the inputs up to this count as zero.")
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

    shift: Number = Field(description="What was taken off each value.")
    scale: Number = Field(description="What each value was then divided by.")


class DataSummary(Wire):
    """Which data the answer is about."""

    kind: Literal["samples", "moments", "factor", "example", "none"] = Field(
        description="What kind of data the answer is about; an uploaded data set is what was kept of it."
    )
    inputs: int = Field(description="Number of inputs.")
    outputs: int = Field(description="Number of outputs.")
    samples: int | None = Field(description="Number of samples; null with a reason where the moments do not say.")
    preparation: Literal["as sent", "raw", "centred and scaled", "standardised", "within range"] = Field(
        description="`within range`: inputs too large or too small for squares in double precision are measured in "
        "other units, powers of two, given by `input_columns`; weights of the first layer and the end-to-end map "
        "are those of these units. Loss and bounds are those of the numbers that were sent: decay acts on the weights "
        "divided by the scale, and an input so small that decay leaves it nothing is zero."
    )
    input_columns: list[PreparedColumn] | None = Field(
        default=None, description="What was done to each input; only where numbers were prepared."
    )
    target_columns: list[PreparedColumn] | None = Field(
        default=None, description="What was done to each target; only where numbers were prepared."
    )
    reasons: Reasons


class MinimaAnswer(Wire):
    """A certified global minimum with its landscape."""

    status: Status = Field(strict=False, description="How sure the minimum is.")
    summary: Summary = []
    solver: str = Field(description="Name of the solver that answered.")
    theorems: list[str] = Field(description="Ids of the theorems that the answer rests on; see `/v1/theorems`.")
    global_minimum: GlobalMinimum = Field(description="The minimum and weights that attain it.")
    stationary_points: list[StationaryPoint] = Field(
        description="The stationary points that the theory gives, the origin first."
    )
    completeness: str = Field(description="Whether the list of stationary points is proved to be complete, in words.")
    thresholds: Thresholds = Field(description="The decays and noises at which the minimum changes its nature.")
    origin: Origin = Field(description="What kind of point the zero weights are.")
    certificate: Certificate = Field(
        description="Bounds on the minimum that do not rely on the solver, and the checks behind them."
    )
    hypotheses: list[HypothesisFinding] = Field(
        description="The hypotheses of the solver as they were judged on this problem."
    )
    numerics: Numerics = Field(description="How well the data determine the answer in double precision.")
    data: DataSummary = Field(description="The data as they were understood.")
    convention: OfRequest
    reductions: list[str] | None = Field(
        default=None,
        description="The exact steps from the problem to the plain network that `solver` solved; only where there are "
        "frozen layers, skips or weights of the error. Numbers are those of the problem as it was asked.",
    )
    flatness: Flatness | None = Field(
        default=None,
        description="How flat a global minimum can be, and how large a step; only where `include` has `flatness`.",
    )
    learning_coefficient: LearningCoefficient | None = Field(
        default=None,
        description="How fast the volume of nearly optimal weights vanishes; only where `include` asks for it.",
    )
    features: FeatureGeometry | None = Field(
        default=None, description="Geometry of the features; only for `unconstrained_features`."
    )
    variational: Variational | None = Field(default=None, description="Posterior collapse; only for `linear_vae`.")
    classes: Labels = None
    problem: ProblemDocument | None = Field(
        default=None,
        description="The problem without fields that have their defaults; only where `return.problem` asks for it.",
    )
    engine_version: EngineVersion
    problem_hash: ProblemHash


__all__ = ["Fact", "MinimaAnswer"]
