"""Points of the landscape in requests about pictures, and what answers report about them."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag

from service.schemas.arrays import Numbers
from service.schemas.base import Integer, Items, Number, Reasons, TimeLimit, Wire
from service.schemas.model_files import OfModel
from service.schemas.weights import BiasVector, Weight
from service.vocabulary import NamedPoint


class PostedPoint(Wire):
    """Weights that the caller sends."""

    weights: Items[Weight] = Field(
        min_length=1, description="One matrix for each layer, width x inputs, or its factors."
    )
    biases: Items[BiasVector] | None = Field(
        default=None, description="One vector for each layer with a bias, null for the others."
    )


NamedPointName: TypeAlias = Annotated[NamedPoint, Field(strict=False)]
OwnPoint: TypeAlias = Annotated[
    Annotated[NamedPointName, Tag("named")] | Annotated[Annotated[Integer, Field(ge=0)], Tag("indexed")],
    Discriminator(lambda value: "named" if isinstance(value, str) else "indexed"),
]
"""A name, or the place of a stationary point in the answer of `/v1/minima`."""


def _form(value: object) -> str:
    return "named" if isinstance(value, str) else "posted" if isinstance(value, dict | PostedPoint) else "indexed"


Trajectory: TypeAlias = Annotated[
    Annotated[Literal["training"], Tag("training")] | Annotated[Items[PostedPoint], Tag("posted")],
    Discriminator(lambda value: "training" if isinstance(value, str) else "posted"),
]
"""The path of the training that leads to a point, or points that the caller sends."""
Point: TypeAlias = Annotated[
    Annotated[NamedPointName, Tag("named")]
    | Annotated[Annotated[Integer, Field(ge=0)], Tag("indexed")]
    | Annotated[PostedPoint, Tag("posted")],
    Discriminator(_form),
]


class PictureOptions(Wire):
    """What all requests about pictures share."""

    seed: Integer = Field(
        default=0, ge=0, lt=2**63, description="Seed of every random number; the same seed gives the same answer."
    )
    training_steps: Integer = Field(
        default=500,
        ge=0,
        le=100_000,
        description="Iterations of L-BFGS towards a `trained` point; near kinks as many Newton steps follow as 20 "
        "products with the Hessian for each iteration pay for.",
    )
    include: list[Literal["points"]] = Field(
        default=[],
        max_length=10,
        description="Parts that are absent by default: weights and biases of the points in one vector.",
    )
    time_limit_s: TimeLimit = None


class CentredOptions(PictureOptions):
    """Options of pictures around one point."""

    weights: Items[Weight] | None = Field(
        default=None,
        min_length=1,
        description="The point: one matrix for each layer, width x inputs, or its factors; left out: see `at`.",
    )
    biases: Items[BiasVector] | None = Field(
        default=None, description="One vector for each layer with a bias, null for the others."
    )
    model: OfModel = None
    at: OwnPoint | None = Field(
        default=None,
        description="Where no weights are sent: `global_minimum` of the solver, `trained` by L-BFGS from a random "
        "start, `origin`, or the place of a stationary point in the answer of `/v1/minima` (one output, decay in every "
        "layer). Left out: the global minimum if a solver has its weights, else `trained`.",
    )


class PointCard(Wire):
    """A point of the landscape as it was measured."""

    source: str = Field(description="`posted`, `trained`, `global_minimum`, `origin` or `stationary_point`.")
    loss: Number = Field(description="Loss of the point.")
    gradient_norm: Number = Field(
        description="Norm of the gradient with respect to all weights and biases; on a kink that of its left side."
    )
    stationarity: Number = Field(
        description="Norm of the generalised gradient of least norm: on a kink its slope may be anything between left "
        "and right where the loss bends upwards; elsewhere the norm of the gradient."
    )
    converged: bool | None = Field(
        description="Whether training ended where `stationarity` is at most 1e-6 of the gradient at its start; a "
        "point that did not is no stationary point, and none is called a minimum. Null with a reason where the point "
        "was not trained."
    )
    kinks: int = Field(
        description="Pre-activations, over samples and neurons, that lie on the kink of their activation."
    )
    parameter_norm: Number = Field(description="Norm of all weights and biases.")
    distance_from_kinks: Number | None = Field(
        description="Least distance of a pre-activation from the kink of its activation, 0 to rounding where some "
        "lie on it; null with a reason where the activations have none."
    )
    iterations: int | None = Field(
        description="Iterations of the training that led to it; null with a reason where it was not trained."
    )
    point: Numbers | None = Field(
        default=None,
        description="The weights row by row, layer after layer, then the biases, as one vector; only where "
        "`include` has `points`.",
    )
    reasons: Reasons


class SolvedMinimum(Wire):
    """The global minimum as a solver has it."""

    loss: Number = Field(description="Loss of the global minimum.")
    lower_bound: Number = Field(description="Lower bound on the loss of all weights.")
    status: str = Field(description="How sure it is: `exact`, `certified` or `bounded`.")
    solver: str = Field(description="Name of the solver that found it.")
