"""How a network is trained, for analyses that depend on it."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag

from service.schemas.base import Integer, Number, Wire
from service.vocabulary import Dynamics


def _form(value: object) -> str:
    return "word" if isinstance(value, str) else "number"


Start: TypeAlias = Annotated[
    Annotated[Literal["below_chance", "unknown"], Tag("word")] | Annotated[Number, Tag("number")], Discriminator(_form)
]


class Teacher(Wire):
    """A smaller network that is known to fit the data."""

    depth: Integer = Field(ge=1, le=10_000, description="Number of its weight matrices.")
    width: Integer = Field(ge=1, description="Its largest hidden width.")
    norm_bound: Number = Field(gt=0, description="Largest Frobenius norm of its matrices.")


class Training(Wire):
    """The regime of training; by default gradient flow from an unknown start."""

    dynamics: Dynamics = Field(default=Dynamics.GRADIENT_FLOW, strict=False, description="How the weights are found.")
    batch_size: Integer | None = Field(
        default=None, ge=1, le=10**9, description="Number of samples in each step of `sgd`; left out: unknown."
    )
    learning_rate: Number | None = Field(default=None, gt=0, description="Step size of `sgd`; left out: unknown.")
    momentum: Number = Field(default=0.0, ge=0, lt=1, description="Momentum of `sgd`.")
    initial_loss: Start = Field(
        default="unknown", description="The loss at the start in the convention of the request, or what is known of it."
    )
    teacher: Teacher | None = Field(
        default=None, description="A smaller network that is known to fit the data; left out: none is known."
    )
