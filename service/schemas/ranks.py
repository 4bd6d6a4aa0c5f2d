"""Rank predictions on the wire."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import Field

from service.schemas.base import Items, Matrix, Number, Reasons, Vector, Wire
from service.schemas.certificate import HypothesisFinding
from service.schemas.problem import ProblemDocument
from service.schemas.snapshots import Snapshot
from service.schemas.training import Training
from service.vocabulary import Conserved, Dynamics, RankKind, TheoremStatus

SEPARABLE_EXAMPLE: Final[dict[str, Any]] = {
    "network": {"layers": [{"width": 6}, {"width": 4}, {"width": 1}]},
    "data": {
        "kind": "samples",
        "x": [[1.25, 1.0], [2.0, -0.5], [-1.0, -0.75], [-0.5, -1.25]],
        "y": [1, 1, -1, -1],
        "task": "classification",
    },
    "objective": {"loss": "exponential"},
}
DESCRIPTION: Final = """Predict the rank of every weight matrix, and measure how far recorded weights have come.

The body is a problem with `training`, or `{"problem": ..., "training": ..., "snapshots": ...}`. A rule is silent
where one of its hypotheses is false."""
EXAMPLES: Final[Mapping[str, Any]] = {
    "separable classes": {
        **SEPARABLE_EXAMPLE,
        "network": {"layers": [{"width": 4}, {"width": 3}, {"width": 1}]},
        "training": {"dynamics": "gradient_flow", "initial_loss": "below_chance"},
    },
}


class RanksOptions(Wire):
    """What stands beside a problem and does not change it."""

    training: Training = Training()
    snapshots: Items[Snapshot] = Field(
        default=[], max_length=1000, description="Weights of one training in the order of time."
    )
    include: list[Literal["rules", "compression"]] = Field(
        default=[], max_length=10, description="Parts that are absent by default."
    )
    time_limit_s: Number | None = Field(default=None, gt=0, description="Seconds; at most the server's own limit.")


class RanksRequest(RanksOptions):
    """A problem, wrapped, with options beside it."""

    problem: ProblemDocument


class BareRanksRequest(RanksOptions, ProblemDocument):
    """A problem as it is, with options as further fields; read as the wrapped form."""


class LayerProgress(Wire):
    """How far a matrix has come: one entry for each snapshot."""

    norms: list[Number]
    stable_ranks: list[Number | None]
    stable_rank_bounds: list[Number | None] = Field(
        description="Upper bound that follows from the start of training at these norms."
    )
    tails: list[Number] = Field(description="Sum of squared singular values beyond the predicted rank.")
    tail_bound: Number | None = Field(description="Upper bound on the tail at all times, from the start of training.")
    singular_values: list[list[Number]] = Field(description="The largest ones.")
    alignments: list[Number | None] = Field(description="Squared cosine with the leading vector of the next matrix.")
    alignment_bounds: list[Number | None] = Field(description="Lower bound on them.")
    reasons: Reasons


class RankStatement(Wire):
    """What is known of the rank of a matrix."""

    shape: list[int]
    rank: int | None = Field(description="Only where it is proved to be exactly that.")
    upper_bound: int | None = Field(description="Proved; at most the smaller dimension of the matrix.")
    conditional_upper_bound: int | None = Field(
        description="From rules with an unknown hypothesis or an unconfirmed source, where it says more."
    )
    kind: RankKind = Field(strict=False)
    rule: str | None
    conditional_rule: str | None
    hypotheses: list[HypothesisFinding] = Field(description="Of the rule that decides.")
    certificate: str = Field(description="The quantity to measure during training to see whether it comes true.")
    reasons: Reasons


class LayerRank(RankStatement):
    """What is known of the rank of a weight matrix."""

    layer: int
    progress: LayerProgress | None = Field(default=None, description="Only with snapshots.")


class SeparabilityAnswer(Wire):
    """Whether a linear map through the origin separates the classes."""

    separable: bool | None
    margin: Number | None
    method: str
    reasons: Reasons


class MaxMargin(Wire):
    """The hard-margin solution through the origin."""

    direction: Vector | None = Field(description="Unit vector towards +1, or class 1.")
    margin: Number | None = Field(description="Geometric margin.")
    support: list[int] | None = Field(description="Samples at the margin, from 0.")
    reasons: Reasons


class InvariantAnswer(Wire):
    """What gradient flow conserves at a node, or summed over nodes that identity skips join."""

    nodes: list[int]
    conserved: Conserved = Field(strict=False)
    statement: str
    reason: str = Field(default="", description="Why not more is conserved.")
    value: Matrix | None = Field(default=None, description="At the first snapshot; entries not conserved are zero.")
    drifts: list[Number] | None = Field(default=None, description="Relative change at each snapshot.")


class RuleAnswer(Wire):
    """A rank rule on this problem."""

    id: str
    title: str
    statement: str
    source: str
    status: TheoremStatus = Field(strict=False)
    kind: RankKind = Field(strict=False)
    applies: bool | None
    hypotheses: list[HypothesisFinding]
    claims: dict[str, int] = Field(description="Bound for each layer, by number.")
    numbers: dict[str, Number]


class CertificateQuantity(Wire):
    """A quantity to measure during training and the rule that it certifies."""

    rule: str
    quantity: str


class CompressionAdvice(Wire):
    """A matrix at its predicted rank."""

    layer: int
    rank: int
    certain: bool
    left: list[int]
    right: list[int]
    parameters_before: int
    parameters_after: int
    relative_error: Number | None = Field(description="Of the best approximation of the last snapshot.")
    reasons: Reasons


class CompressionAnswer(Wire):
    """What factorising at the predicted ranks saves and costs."""

    layers: list[CompressionAdvice]
    loss_before: Number | None
    loss_after: Number | None
    reasons: Reasons


class RanksAnswer(Wire):
    """Ranks that training will give the weight matrices, and why."""

    layers: list[LayerRank]
    end_to_end: RankStatement
    separability: SeparabilityAnswer
    max_margin: MaxMargin
    invariants: list[InvariantAnswer]
    certificates: list[CertificateQuantity]
    silent: dict[str, str] = Field(description="Rules that do not apply here, with the hypotheses that fail.")
    dynamics: Dynamics = Field(strict=False)
    solver: str | None
    rules: list[RuleAnswer] | None = Field(default=None, description="Every rule; see `include`.")
    compression: CompressionAnswer | None = Field(default=None, description="See `include`.")
    classes: list[int] | None = Field(default=None, description="The label of each output; for classification only.")
    reasons: Reasons
    engine_version: str
    problem_hash: str
