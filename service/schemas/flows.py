"""Gradient flows on the wire."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag

from service.schemas.base import Execution, Integer, Number, Reasons, Wire, example
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

    kind: Literal["gaussian"]
    scale: Number = Field(default=0.5, gt=0, le=100)


class GivenStart(Wire):
    """Weights as given."""

    kind: Literal["weights"]
    snapshot: Snapshot


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
    evaluations: Integer = Field(default=400_000, ge=1, le=10_000_000, description="Gradients at most.")


class FlowRequest(Wire):
    """A problem and how its gradient flow starts and ends."""

    model_config = example(FLOW_EXAMPLE)

    problem: ProblemDocument
    training: Training = Field(default=Training(), description="Facts about the training; always gradient flow.")
    initialisation: Start = Field(
        default=GaussianStart(kind="gaussian"),
        description="A scheme by name, or a normal start, or weights.",
    )
    until: Until = Until()
    seed: Integer = Field(default=1, ge=0, le=2**63 - 1, description="Of the weights at the start.")
    include: list[Literal["weights"]] = Field(
        default=[], max_length=10, description="Parts that are absent by default: the weights at the end."
    )
    time_limit_s: Number | None = Field(default=None, gt=0, description="Seconds; at most the server's own limit.")


class FlowAnswer(Wire):
    """Trajectories, one entry for each recorded moment, beside the ranks that theory predicts.

    Norms, stable ranks, singular values and alignments of each matrix with their bounds stand in ``ranks.layers``,
    values and drifts of what is conserved in ``ranks.invariants``.
    """

    stop: FlowStop = Field(strict=False, description="Why it ended.")
    time: FlowTime = Field(strict=False, description="The parameter along the path; the path does not depend on it.")
    times: list[Number] = Field(description="Plain time is that of the objective in the convention of the request.")
    log_losses: list[Number] | None = Field(description="Of the loss summed over the samples.")
    objectives: list[Number] | None = Field(description="In the convention of the request.")
    norms: list[Number] = Field(description="Of all weights.")
    margins: list[Number] | None = Field(description="Least margin over the norm to the power of the depth.")
    margin_bound: Number | None = Field(
        description="Upper bound on the margin; the flow approaches it as the log loss tends to minus infinity."
    )
    cosines: list[Number] | None = Field(description="Of the end-to-end map with the hard-margin direction; tend to 1.")
    pattern_changes: list[int] = Field(description="Signs of pre-activations that changed since the moment before.")
    balance_decay: list[Number] | None = Field(
        description="Largest deviation of a conserved matrix from its start times exp(-4 decay time)."
    )
    ranks: RanksAnswer
    weights: Snapshot | None = Field(default=None, description="At the end; see `include`.")
    evaluations: int = Field(description="Gradients in all.")
    reasons: Reasons
    engine_version: str
    problem_hash: str
    execution: Execution | None = Field(default=None, description="Present in an inline answer only.")
