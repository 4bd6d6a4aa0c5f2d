"""Rank predictions on the wire."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import Field

from service.schemas.base import (
    EngineVersion,
    Items,
    Labels,
    Matrix,
    Number,
    ProblemHash,
    Reasons,
    Summary,
    TimeLimit,
    Vector,
    Wire,
)
from service.schemas.certificate import HypothesisFinding
from service.schemas.model_files import OfModel
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

    training: Training = Field(default=Training(), description="How the network is trained.")
    snapshots: Items[Snapshot] = Field(
        default=[], max_length=1000, description="Weights that were recorded during one training, in the order of time."
    )
    model: OfModel = None
    include: list[Literal["rules", "compression"]] = Field(
        default=[],
        max_length=10,
        description="Parts that are absent by default: every rank rule as it was tried, and what factorising at "
        "the predicted ranks saves.",
    )
    time_limit_s: TimeLimit = None


class RanksRequest(RanksOptions):
    """A problem, wrapped, with options beside it."""

    problem: ProblemDocument = Field(description="The problem that is asked about.")


class BareRanksRequest(RanksOptions, ProblemDocument):
    """A problem as it is, with options as further fields; read as the wrapped form."""


class LayerProgress(Wire):
    """How far a matrix has come: one entry for each snapshot."""

    norms: list[Number] = Field(description="Frobenius norm of the matrix.")
    stable_ranks: list[Number | None] = Field(
        description="Squared Frobenius norm over squared spectral norm; null where the matrix is zero."
    )
    stable_rank_bounds: list[Number | None] = Field(
        description="Upper bound on the stable rank that follows from the start of training at these norms; null "
        "where there is none."
    )
    tails: list[Number] = Field(description="Sum of squared singular values beyond the predicted rank.")
    tail_bound: Number | None = Field(
        description="Upper bound on the tail at all times, from the start of training; null with a reason where "
        "there is none."
    )
    singular_values: list[list[Number]] = Field(description="The largest singular values of the matrix, descending.")
    alignments: list[Number | None] = Field(
        description="Squared cosine between the leading left vector of the matrix and the leading right vector of "
        "the next one; null where a matrix is zero."
    )
    alignment_bounds: list[Number | None] = Field(description="Lower bound on the alignment; null where there is none.")
    reasons: Reasons


class RankStatement(Wire):
    """What is known of the rank of a matrix."""

    shape: list[int] = Field(description="Rows and columns of the matrix.")
    rank: int | None = Field(
        description="The rank, where it is proved to be exactly this; null with a reason elsewhere."
    )
    upper_bound: int | None = Field(
        description="Proved upper bound on the rank, at most the smaller dimension of the matrix; null with a "
        "reason where none applies."
    )
    conditional_upper_bound: int | None = Field(
        description="Upper bound from rules with an unknown hypothesis or an unconfirmed source; null with a "
        "reason where they say no more than `upper_bound`."
    )
    kind: RankKind = Field(strict=False, description="What sort of statement the rank is, and when it holds.")
    rule: str | None = Field(
        description="Id of the rule behind `rank` and `upper_bound`; null with a reason where none applies."
    )
    conditional_rule: str | None = Field(
        description="Id of the rule behind `conditional_upper_bound`; null with a reason where there is none."
    )
    hypotheses: list[HypothesisFinding] = Field(
        description="Hypotheses of the rule that decides, as they were judged on this problem."
    )
    certificate: str = Field(description="The quantity to measure during training to see whether it comes true.")
    reasons: Reasons


class LayerRank(RankStatement):
    """What is known of the rank of a weight matrix."""

    layer: int = Field(description="Number of the layer, from 1.")
    progress: LayerProgress | None = Field(default=None, description="What recorded weights show; only with snapshots.")


class SeparabilityAnswer(Wire):
    """Whether a linear map through the origin separates the classes."""

    separable: bool | None = Field(
        description="Whether such a map exists; null with a reason where that is not decided."
    )
    margin: Number | None = Field(
        description="Largest margin of such a map of unit norm; null with a reason where there is none."
    )
    method: str = Field(description="How it was decided, in words.")
    reasons: Reasons


class MaxMargin(Wire):
    """The hard-margin solution through the origin."""

    direction: Vector | None = Field(
        description="Unit vector of the inputs that points towards +1, or class 1; null with a reason where the "
        "classes are not separable or more than two."
    )
    margin: Number | None = Field(
        description="Distance of the closest sample from the boundary; null with a reason where the classes are "
        "not separable."
    )
    support: list[int] | None = Field(
        description="Indices of the samples at the margin, from 0; null with a reason where the classes are not "
        "separable."
    )
    reasons: Reasons


class Decaying(Wire):
    """What equal decays let fall to zero, whatever the loss."""

    part: Conserved = Field(strict=False, description="The part of the balance of the node that falls.")
    rate: Number = Field(
        description="The part at time t is exp(-rate t) times what it was at the start, in the time of gradient flow "
        "on the objective of the request: 4 times the decay of everything at the node, and 2 times under `torch`, "
        "whose decay term has a factor of one half."
    )


class InvariantAnswer(Wire):
    """What gradient flow conserves at a node, or summed over nodes that identity skips join, or lets decay."""

    nodes: list[int] = Field(description="The nodes: outputs of layers, from 1.")
    conserved: Conserved = Field(strict=False, description="Which part of the balance of the node is conserved.")
    decaying: Decaying | None = Field(
        default=None,
        description="Which part of the balance falls by its own law; only where everything at the node has one decay.",
    )
    statement: str = Field(description="The law as a formula: what stays constant.")
    reason: str = Field(default="", description="Why not more is conserved, or falls by its own law.")
    value: Matrix | None = Field(
        default=None,
        description="The balance at the first snapshot; entries that are neither conserved nor decaying are 0. "
        "Only with snapshots.",
    )
    drifts: list[Number] | None = Field(
        default=None,
        description="Largest deviation of an entry from its law at each snapshot, relative to the weights; only with "
        "snapshots, and where something decays only in flows, which know their times.",
    )


class RuleAnswer(Wire):
    """A rank rule on this problem."""

    id: str = Field(description="Id of the rule; see `/v1/theorems`.")
    title: str = Field(description="What it says, in one line.")
    statement: str = Field(description="The rule with its formula.")
    source: str = Field(description="Paper and theorem, or the page that proves it.")
    status: TheoremStatus = Field(strict=False, description="How far the rule itself is confirmed.")
    kind: RankKind = Field(strict=False, description="What sort of statement the rule makes.")
    applies: bool | None = Field(description="Whether all hypotheses hold; null if one is unknown and none fails.")
    hypotheses: list[HypothesisFinding] = Field(description="Every hypothesis as it was judged on this problem.")
    claims: dict[str, int] = Field(description="Upper bound on the rank of each layer, by its number.")
    numbers: dict[str, Number] = Field(description="Numbers that the rule gives beside ranks, by name.")


class CertificateQuantity(Wire):
    """A quantity to measure during training and the rule that it certifies."""

    rule: str = Field(description="Id of the rule.")
    quantity: str = Field(description="What to measure, in words.")


class CompressionAdvice(Wire):
    """A matrix at its predicted rank."""

    layer: int = Field(description="Number of the layer, from 1.")
    rank: int = Field(description="The rank at which the matrix is factorised.")
    certain: bool = Field(description="Whether the rank rests on proved rules alone.")
    left: list[int] = Field(description="Shape of the left factor.")
    right: list[int] = Field(description="Shape of the right factor.")
    parameters_before: int = Field(description="Number of weights of the matrix.")
    parameters_after: int = Field(description="Number of weights of the factors, or of the matrix where that is fewer.")
    relative_error: Number | None = Field(
        description="Relative Frobenius error of the best approximation of the last snapshot at this rank; null "
        "with a reason without snapshots."
    )
    reasons: Reasons


class CompressionAnswer(Wire):
    """What factorising at the predicted ranks saves and costs."""

    layers: list[CompressionAdvice] = Field(description="One entry for each layer.")
    loss_before: Number | None = Field(
        description="Loss at the last snapshot; null with a reason where it cannot be evaluated."
    )
    loss_after: Number | None = Field(
        description="Loss with every matrix replaced by its approximation; null with a reason where it cannot be "
        "evaluated."
    )
    reasons: Reasons


class RanksAnswer(Wire):
    """Ranks that training will give the weight matrices, and why."""

    summary: Summary = []
    layers: list[LayerRank] = Field(description="One entry for each layer.")
    end_to_end: RankStatement = Field(description="What is known of the rank of the end-to-end map.")
    separability: SeparabilityAnswer = Field(description="Whether a linear map separates the classes.")
    max_margin: MaxMargin = Field(description="The direction of the hard margin.")
    invariants: list[InvariantAnswer] = Field(description="What gradient flow conserves at each node.")
    certificates: list[CertificateQuantity] = Field(description="What to measure during training, by rule.")
    silent: dict[str, str] = Field(description="Rules that do not apply here, with the hypotheses that fail.")
    dynamics: Dynamics = Field(strict=False, description="How the weights are found, as the request says.")
    solver: str | None = Field(
        description="Name of the solver that gives the rank of the global minimum; null with a reason where none "
        "is asked."
    )
    rules: list[RuleAnswer] | None = Field(
        default=None, description="Every rank rule, tried on this problem; only where `include` has `rules`."
    )
    compression: CompressionAnswer | None = Field(
        default=None, description="What factorising saves; only where `include` has `compression`."
    )
    classes: Labels = None
    model: OfModel = None
    reasons: Reasons
    engine_version: EngineVersion
    problem_hash: ProblemHash
