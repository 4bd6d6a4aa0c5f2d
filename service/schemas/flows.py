"""Gradient flows on the wire."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag

from service.schemas.base import (
    EngineVersion,
    Executed,
    Integer,
    Number,
    ProblemHash,
    Reasons,
    TimeLimit,
    Wire,
    example,
)
from service.schemas.learned_modes import LearnedMode
from service.schemas.problem import DESIGN_EXAMPLE, ProblemDocument
from service.schemas.ranks import SEPARABLE_EXAMPLE, RanksAnswer
from service.schemas.snapshots import Snapshot
from service.schemas.training import Training
from service.vocabulary import FlowStop, FlowTime, Initialisation

FLOW_EXAMPLE: Final[dict[str, Any]] = {
    "problem": SEPARABLE_EXAMPLE,
    "until": {"log_loss": -1000},
    "seed": 1,
}

DESCRIPTION: Final = """Follow gradient flow until it comes to rest, or to losses below the range of double precision.

A request with a long estimated time becomes a job that continues from its last stored state after any interruption."""
EXAMPLES: Final[Mapping[str, Any]] = {
    "a linear network on separable classes": FLOW_EXAMPLE,
    "the problem alone: squared loss with decay": {"problem": DESIGN_EXAMPLE},
}


class GaussianStart(Wire):
    """Independent normal weights of standard deviation scale / sqrt(inputs of the layer)."""

    kind: Literal["gaussian"] = Field(description="The flow starts at random weights.")
    scale: Number = Field(
        default=0.5,
        gt=0,
        le=100,
        description="Standard deviation of a weight times the square root of the inputs of its layer.",
    )


class GivenStart(Wire):
    """Weights as given."""

    kind: Literal["weights"] = Field(description="The flow starts at the weights of `snapshot`.")
    snapshot: Snapshot = Field(description="The weights, and biases where the network has any.")


def _form(value: object) -> str:
    return "scheme" if isinstance(value, str) else "described"


SchemeName: TypeAlias = Annotated[Initialisation, Field(strict=False)]
DescribedStart: TypeAlias = Annotated[GaussianStart | GivenStart, Field(discriminator="kind")]
Start: TypeAlias = Annotated[
    Annotated[SchemeName, Tag("scheme")] | Annotated[DescribedStart, Tag("described")], Discriminator(_form)
]


class Until(Wire):
    """When a flow ends; in plain time it also ends where the gradient vanishes."""

    log_loss: Number = Field(
        default=-1000.0, ge=-1e6, description="Log of the summed loss; only for classification without decay."
    )
    evaluations: Integer = Field(default=400_000, ge=1, le=10_000_000, description="Largest number of gradients.")


class FlowRequest(Wire):
    """A problem and how its gradient flow starts and ends."""

    model_config = example(FLOW_EXAMPLE)

    problem: ProblemDocument = Field(description="The problem that is asked about.")
    training: Training = Field(default=Training(), description="Facts about the training; always gradient flow.")
    initialisation: Start = Field(
        default=GaussianStart(kind="gaussian"),
        description="A scheme by name, or a normal start, or weights.",
    )
    until: Until = Field(default=Until(), description="When the flow ends.")
    seed: Integer = Field(
        default=1, ge=0, le=2**63 - 1, description="Seed of every random number; the same seed gives the same answer."
    )
    learning_rate: Number | None = Field(
        default=None, gt=0, description="Constant step of gradient descent in which `modes` tell times as well."
    )
    include: list[Literal["weights", "modes"]] = Field(
        default=[],
        max_length=10,
        description="Parts that are absent by default: the weights at the end; when each singular direction of a "
        "linear network is learned.",
    )
    time_limit_s: TimeLimit = None


class FlowAnswer(Wire):
    """Trajectories, one entry for each recorded moment, beside the ranks that theory predicts.

    Norms, stable ranks, singular values and alignments of each matrix with their bounds stand in ``ranks.layers``,
    values and drifts of what is conserved, or decays by its own law, in ``ranks.invariants``.
    """

    stop: FlowStop = Field(strict=False, description="Why it ended.")
    time: FlowTime = Field(strict=False, description="The parameter along the path; the path does not depend on it.")
    times: list[Number] = Field(
        description="Time of each moment, in the parameter that `time` names; plain time is that of the objective "
        "in the convention of the request."
    )
    log_losses: list[Number] | None = Field(
        description="Natural logarithm of the loss summed over the samples, at each moment; null with a reason "
        "where the flow is followed in plain time."
    )
    objectives: list[Number] | None = Field(
        description="Value of the objective at each moment, in the convention of the request; null with a reason "
        "where the loss is followed by its logarithm."
    )
    norms: list[Number] = Field(description="Norm of all weights at each moment.")
    margins: list[Number] | None = Field(
        description="Least margin at each moment, over the norm of all weights to the power of the depth; null "
        "with a reason where margins are not defined."
    )
    margin_bound: Number | None = Field(
        description="Upper bound on the margin; the flow approaches it as the log loss tends to minus infinity. "
        "Null with a reason where there is none."
    )
    cosines: list[Number] | None = Field(
        description="Cosine between the end-to-end map and the hard-margin direction at each moment, which tends "
        "to 1; null with a reason where there is no such direction."
    )
    pattern_changes: list[int] = Field(
        description="Number of pre-activations whose sign changed since the moment before."
    )
    balance_decay: list[Number] | None = Field(
        description="Largest deviation, at each moment, of an entry of a balance from its start times exp(-4 decay "
        "time); null with a reason where nothing follows that law."
    )
    ranks: RanksAnswer = Field(description="Predicted ranks beside what was measured at each moment.")
    weights: Snapshot | None = Field(
        default=None, description="Weights at the end; only where `include` has `weights`."
    )
    modes: list[LearnedMode] | None = Field(
        default=None,
        description="When each singular direction is learned, by its own equation; only where `include` has `modes`, "
        "and null with a reason where no direction has one.",
    )
    evaluations: int = Field(description="Number of gradients that were computed.")
    reasons: Reasons
    engine_version: EngineVersion
    problem_hash: ProblemHash
    execution: Executed = None
