"""The verdict on given weights of a two-layer ReLU network with decay, and its proof."""

from typing import Literal

from pydantic import Field

from service.schemas.base import Matrix, Number, Reasons, Wire
from service.schemas.relu import MissingUnit, ReluCertificate
from service.vocabulary import ReluVerdict


class UnitToAdd(MissingUnit):
    """The unit that lowers the loss most among those that were found, with weights to append to the network."""

    decrease: Number = Field(
        description="What adding it takes off the loss: exact for squared loss, found by a line search for others."
    )
    loss: Number = Field(description="Loss once it is added.")
    weights: list[Matrix] = Field(
        description="Row to append to the weights of the hidden layer, and column to append to those of the output."
    )
    bias: Number | None = Field(default=None, description="Its bias; only with a bias of the hidden layer.")


class GivenUnit(Wire):
    """One unit of the given network."""

    balancing_gain: Number = Field(
        description="What the loss falls by when its weights are rescaled against each other, at equal predictions, "
        "until both sides decay alike."
    )
    deviation: Number | None = Field(
        description="Its correlation with the errors over what it costs, less 1: zero where training has ended, below "
        "zero where the unit would gain by being smaller; null with a reason for one that reaches no sample."
    )
    active_samples: int = Field(description="Number of samples on which its pre-activation is positive.")


class BetterNetwork(Wire):
    """The best network that is known."""

    loss: Number = Field(description="Its loss.")
    decrease: Number = Field(description="How far that is below the loss of the given weights.")
    found_by: Literal["balancing", "missing_unit", "search"] = Field(
        description="The given weights, balanced, without units that reach no sample; these with the missing unit; or "
        "a network that was trained to find a bound."
    )
    units: int = Field(description="Number of its units.")
    fits: bool = Field(description="Whether the given network is wide enough for them.")


class ReluJudgement(Wire):
    """Whether weights of a two-layer ReLU network are a global minimum, over networks of any width."""

    verdict: ReluVerdict = Field(
        strict=False,
        description="`certified`: no network of any width is better by more than the tolerance; `refuted`: a better "
        "network is known; `undecided`: neither, and more `effort` narrows the gap.",
    )
    certificate: ReluCertificate = Field(
        description="The loss of the weights and the bound, with what proves the bound; `upper_bound` is the loss of "
        "the weights that were sent."
    )
    better: BetterNetwork | None = Field(
        description="The best network known; null with a reason where none is better than the given weights."
    )
    missing_unit: UnitToAdd | None = Field(
        description="The unit whose insertion lowers the loss most of those that were found; null with a reason where "
        "none was found."
    )
    balancing_gain: Number = Field(description="What balancing all units takes off the loss.")
    largest_deviation: Number | None = Field(
        description="Largest modulus of `units[].deviation`; null with a reason where no unit reaches a sample."
    )
    output_deviation: Number | None = Field(
        description="Derivative of the loss by the output bias over the sum of the moduli of its terms; null with a "
        "reason without one."
    )
    idle_units: int = Field(description="Number of units that reach no sample.")
    units: list[GivenUnit] = Field(description="The units of the given network, in their order.")
    reasons: Reasons
