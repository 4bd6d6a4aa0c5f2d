"""Certified minima of two-layer ReLU networks on the wire."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Literal, Self

from pydantic import Field, model_validator

from service.schemas.base import (
    EngineVersion,
    Executed,
    Integer,
    Matrix,
    Number,
    OfRequest,
    ProblemHash,
    Reasons,
    Summary,
    TimeLimit,
    Vector,
    VectorOrMatrix,
    Wire,
    example,
)
from service.schemas.certificate import HypothesisFinding
from service.schemas.problem import ProblemDocument
from service.vocabulary import Status

DESCRIPTION: Final = """Return the global minimum of a two-layer ReLU network with weight decay, with a bound.

The bound is proved by branch and bound on cones of input weights, and holds for networks of any width. A search that \
ends before the gap is closed returns its best network and its best bound as `bounded`. Its work grows fast with the \
rank of the inputs: up to 5 it usually ends. Networks with several outputs, more layers, or without decay get a \
network and a lower bound, which seldom meet."""
XOR: Final[dict[str, Any]] = {
    "network": {
        "layers": [{"width": 8, "activation": "relu", "weight_decay": 0.01}, {"width": 1, "weight_decay": 0.01}]
    },
    "data": {
        "kind": "samples",
        "x": [[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]],
        "y": [1.0, -1.0, -1.0, 1.0],
    },
    "objective": {"convention": "half_mean"},
}
EXAMPLES: Final[Mapping[str, Any]] = {
    "exclusive or": {"problem": XOR},
    "counts under a Poisson loss": {
        "problem": {
            "network": {
                "layers": [
                    {"width": 16, "activation": "relu", "weight_decay": 0.05},
                    {"width": 1, "weight_decay": 0.05},
                ],
                "bias": "output",
            },
            "data": {
                "kind": "samples",
                "x": [[-2.0], [-1.0], [-0.5], [0.5], [1.0], [2.0]],
                "y": [0.0, 1.0, 1.0, 2.0, 4.0, 7.0],
            },
            "objective": {"loss": "poisson"},
        },
        "tolerance": 1e-6,
    },
}


class PathWanted(Wire):
    """Decays between which the minimum is wanted as a curve."""

    model_config = example({"from": 0.001, "to": 0.1, "knots": 5})

    from_: Number = Field(alias="from", gt=0, description="Least decay, as `critical_decay` counts it.")
    to: Number = Field(gt=0, description="Largest decay; above `from`.")
    knots: Integer = Field(
        default=7, ge=2, le=33, description="Decays at which the minimum is searched for, at equal ratios."
    )

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if self.to <= self.from_:
            raise ValueError(f"to must be above from = {self.from_:g}")
        return self


class ReluReturn(Wire):
    """What is sent back beside the answer."""

    problem: bool = Field(
        default=False, description="Repeat the problem, so that the answer can be verified by itself."
    )


class ReluMinimaRequest(Wire):
    """A two-layer ReLU network on samples, and how much work its proof may be."""

    model_config = example({"problem": XOR})
    ends_early: ClassVar[bool] = True

    problem: ProblemDocument = Field(description="The problem that is asked about.")
    tolerance: Number = Field(
        default=1e-6, ge=1e-9, le=1.0, description="Relative gap between network and bound at which the search ends."
    )
    effort: Integer = Field(
        default=200_000, ge=1, le=100_000_000, description="Number of cones that the search for a bound may examine."
    )
    seed: Integer = Field(
        default=0, ge=0, lt=2**63, description="Seed of the starts of local searches; the same seed, the same answer."
    )
    return_: ReluReturn = Field(
        default=ReluReturn(), alias="return", description="Which parts of the question are sent back."
    )
    path: PathWanted | None = Field(
        default=None, description="Decays between which bounds on the minimum are wanted as a curve."
    )
    time_limit_s: TimeLimit = None


class ReluTerms(Wire):
    """The loss, split into its two parts."""

    fit: Number = Field(description="Loss of the predictions.")
    decay: Number = Field(description="Weight decay of all weights and biases.")


class ReluNetwork(Wire):
    """The best network found, balanced: each unit divides its length between its weights so that they decay least."""

    loss: Number = Field(description="Loss of these weights.")
    terms: ReluTerms = Field(description="The loss, split.")
    trivial: bool = Field(description="Whether it has no units, so that its prediction does not depend on the inputs.")
    attained: bool = Field(
        description="Whether the network that was asked for is wide enough for these units, and some weights attain "
        "the infimum: where a constant is wanted of a hidden bias without decay, and the output has no bias, none do."
    )
    width_needed: int = Field(
        description="Number of hidden units of this network; a certified minimum may need fewer, not more."
    )
    unique: Literal[True] | None = Field(
        description="True where it is proved that no other network has this loss, up to order, scaling and division of "
        "units; null with a reason where it is not."
    )
    weights: list[Matrix] | None = Field(
        description="Weights of each layer, outputs x inputs; null with a reason for a network without units."
    )
    biases: list[Vector | None] | None = Field(
        default=None, description="Biases of each layer, null for a layer without; only with a bias."
    )
    skip_weights: Matrix | None = Field(default=None, description="Weights of the linear skip; only with a skip.")
    reasons: Reasons


class ReluCertificate(Wire):
    """Two bounds, and what proves the lower one without a solver.

    For dual errors v whose correlation with every unit of length one is at most the feature bound M, the loss of every
    network is at least D(v), the sum of `-l*(-v)` in units where the decay of a unit is M times its length.
    """

    kind: Literal["certified", "bounded"] = Field(description="`certified` if the gap is at most the tolerance.")
    upper_bound: Number = Field(description="Loss of the returned network, rounding included.")
    lower_bound: Number = Field(description="Lower bound on the loss of networks of any width, rounding included.")
    relative_gap: Number = Field(description="(upper - lower) / max(|upper|, 1e-6 times the loss of no network).")
    tolerance: Number = Field(description="Relative gap up to which the gap counts as closed.")
    method: str = Field(description="How the lower bound was found, in words.")
    dual: VectorOrMatrix = Field(
        description="The dual errors v, one a sample; of networks that are only bounded one row a sample, an entry an "
        "output."
    )
    feature_bound: Number = Field(description="Proved bound M on the correlation of v with a unit of length one.")
    beta: Number = Field(description="What a unit of length one costs where the loss is a sum over samples.")
    loss_per_sum: Number = Field(description="The loss of the request over that sum with its decay.")
    cones: int = Field(description="Number of cones that were bounded.")
    searches: int = Field(description="Number of times that a network was searched for missing units.")


class NarrowNetwork(Wire):
    """The best network found of the width that was asked for, where the minimum needs more units."""

    loss: Number = Field(description="Loss of these weights.")
    terms: ReluTerms = Field(description="The loss, split.")
    relative_gap: Number = Field(description="(loss - lower bound) / |loss|, for the bound on networks of any width.")
    weights: list[Matrix] | None = Field(
        description="Weights of each layer, outputs x inputs; null with a reason for a network without units."
    )
    biases: list[Vector | None] | None = Field(
        default=None, description="Biases of each layer, null for a layer without; only with a bias."
    )
    skip_weights: Matrix | None = Field(default=None, description="Weights of the linear skip; only with a skip.")
    reasons: Reasons


class PathKnot(Wire):
    """The minimum at one decay, between two bounds."""

    decay: Number = Field(description="Decay of both layers, or the geometric mean, in the convention of the request.")
    lower_bound: Number = Field(description="Lower bound on the loss of networks of any width.")
    upper_bound: Number = Field(description="Loss of the best network found.")
    slope: Number = Field(description="Derivative of the loss of that network by the decay.")
    units: int = Field(description="Number of its units.")


class DecayPath(Wire):
    """The minimum as a function of the decay, which is concave and does not fall.

    Between two knots it is at least the chord of their lower bounds, and at most the line of any knot,
    `upper_bound + slope (decay - its decay)`.
    """

    knots: list[PathKnot] = Field(description="By ascending decay.")


class MissingUnit(Wire):
    """A unit whose insertion lowers the loss."""

    direction: Vector = Field(description="Its input weights, of length one; the last entry is that of a bias.")
    sign: int = Field(description="Sign of its output weight.")
    correlation: Number = Field(description="Size of its correlation with the errors; units above `beta` are missing.")


class ReluMinimaAnswer(Wire):
    """The certified global minimum of a two-layer ReLU network."""

    status: Status = Field(strict=False, description="How sure the minimum is.")
    summary: Summary = []
    solver: str = Field(description="Name of the solver.")
    theorems: list[str] = Field(description="Ids of the theorems that the answer rests on.")
    global_minimum: ReluNetwork = Field(description="The best network found, the minimum where the gap is closed.")
    certificate: ReluCertificate = Field(description="The proof, as numbers that can be checked.")
    critical_decay: Number | None = Field(
        description="Common decay of both layers, in the convention of the request, from which no unit is worth its "
        "decay; of layers with unequal decays, the geometric mean. Null with a reason where it is not known."
    )
    missing_unit: MissingUnit | None = Field(
        description="A unit that lowers the loss of the returned network; null with a reason where none was found."
    )
    path: DecayPath | None = Field(default=None, description="The curve in the decay; only where it was asked for.")
    within_width: NarrowNetwork | None = Field(
        default=None,
        description="The best network found of the width that was asked for; only where the minimum needs more units.",
    )
    hypotheses: list[HypothesisFinding] = Field(description="What was checked of the problem.")
    classes: list[int] | None = Field(default=None, description="The label of each class; for classification only.")
    convention: OfRequest
    reasons: Reasons
    engine_version: EngineVersion
    problem_hash: ProblemHash
    problem: ProblemDocument | None = Field(
        default=None, description="The problem; only where `return.problem` asked for it."
    )
    execution: Executed = None
