"""Gradient flows on the wire."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from service.schemas.base import Integer, Number, Reasons, Wire
from service.schemas.problem import Problem
from service.schemas.ranks import RanksAnswer
from service.schemas.snapshots import Snapshot
from service.schemas.training import Training
from service.vocabulary import FlowStop, FlowTime


class GaussianStart(Wire):
    """Independent normal weights of standard deviation scale / sqrt(inputs of the layer)."""

    kind: Literal["gaussian"]
    scale: Number = Field(default=0.5, gt=0, le=1e6)


class GivenStart(Wire):
    """Weights as given."""

    kind: Literal["weights"]
    snapshot: Snapshot


Start: TypeAlias = Annotated[GaussianStart | GivenStart, Field(discriminator="kind")]


class Until(Wire):
    """When a flow ends; in plain time it also ends where the gradient vanishes."""

    log_loss: Number = Field(
        default=-1000.0, ge=-1e6, description="Log of the summed loss; only for classification without decay."
    )
    evaluations: Integer = Field(default=400_000, ge=1, le=10_000_000, description="Gradients at most.")


class FlowRequest(Wire):
    """A problem and how its gradient flow starts and ends."""

    problem: Problem
    training: Training = Training()
    initialisation: Start = GaussianStart(kind="gaussian")
    until: Until = Until()
    seed: Integer = Field(default=1, ge=0, le=2**63 - 1)


class FlowAnswer(Wire):
    """Trajectories, one entry for each recorded moment, beside the ranks that theory predicts."""

    stop: FlowStop = Field(strict=False)
    time: FlowTime = Field(strict=False)
    times: list[Number]
    log_losses: list[Number] | None = Field(description="Of the loss summed over the samples.")
    objectives: list[Number] | None = Field(description="In the convention of the request.")
    norms: list[Number]
    margins: list[Number] | None = Field(description="Least margin over the norm to the power of the depth.")
    cosines: list[Number] | None = Field(description="With the hard-margin direction.")
    pattern_changes: list[int]
    balance_decay: list[Number] | None = Field(description="Deviation of balance from its predicted decay.")
    ranks: RanksAnswer
    evaluations: int
    reasons: Reasons
