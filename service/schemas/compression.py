"""Weight matrices replaced by factors of low rank, on the wire."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import Field

from service.schemas.arrays import Numbers, Rows, SentMatrix, SentVector
from service.schemas.base import (
    EngineVersion,
    Executed,
    Integer,
    Items,
    Number,
    Reasons,
    Summary,
    TimeLimit,
    Wire,
    example,
)
from service.schemas.model_files import OfModel
from service.vocabulary import Status

DESCRIPTION: Final = """\
Replace weight matrices by two factors of low rank each, or correct quantised ones, with the least error there is.

The error of a layer is the mean squared change of its outputs on the inputs that it reads. Each layer has its least
error at every rank, in closed form. `ranks` says the rank of each layer; a `budget` of numbers, or an `error`, is
spread over the layers, with a bound that no choice of ranks goes below. Half of the numbers is the budget where nothing
is said.

A form may have the file of a model as its part `model` (safetensors, npz or ONNX) and, as its part `activations`, an
npz with the inputs of its layers: samples as `NAME`, or second moments as `NAME.xx`. As the part `correction_of` it may
have the same model quantised or pruned. What else is asked for stands in the part `problem`.

With `accept: application/x-npz` the answer is its arrays, with `application/vnd.safetensors` a file of the factors by
the names of adapters (`NAME.lora_A.weight`, `NAME.lora_B.weight`); with `image/svg+xml` or `image/png` a picture."""

_LAYERS: Final[list[dict[str, Any]]] = [
    {
        "name": "up",
        "weights": [[2.0, 0.4, 0.1], [1.0, 0.3, -0.2], [-1.5, 0.2, 0.4], [0.5, -0.1, 0.3]],
        "activations": {"kind": "moments", "xx": [[4.0, 0.5, 0.0], [0.5, 1.0, 0.2], [0.0, 0.2, 0.1]]},
    },
    {
        "name": "down",
        "weights": [[0.9, -0.3, 0.8, 0.1], [0.2, 0.7, -0.4, 0.6], [1.0, 0.1, 0.5, 0.4]],
        "activations": {
            "kind": "samples",
            "x": [[1.0, 0.5, 0.0, 0.2], [0.8, 0.1, 0.4, 0.0], [0.0, 0.9, 0.3, 0.7], [1.2, 0.6, 0.1, 0.3]],
        },
    },
]
EXAMPLES: Final[Mapping[str, Any]] = {
    "two layers within a budget": {"layers": _LAYERS, "budget": 20, "return": {"factors": True}},
    "the fewest numbers within an error": {"layers": _LAYERS, "error": 0.1, "relative": True},
    "a correction of rank one for a rounded matrix": {
        "layers": [
            {
                "name": "up",
                "weights": [[2.0, 0.4, 0.1], [1.0, 0.3, -0.2]],
                "correction_of": [[2.0, 0.5, 0.0], [1.0, 0.5, 0.0]],
            }
        ],
        "ranks": [1],
        "return": {"factors": True},
    },
    "spectra that are known": {
        "layers": [
            {"name": "query", "shape": [6, 6], "singular_values": [3.0, 1.0, 0.5, 0.2, 0.1, 0.1]},
            {"name": "value", "shape": [6, 6], "singular_values": [2.0, 1.9, 1.8, 1.7, 1.6, 1.5]},
        ],
        "budget": 0.75,
    },
}


class WhiteActivations(Wire):
    """Inputs of which nothing is known: uncorrelated, of second moment one."""

    kind: Literal["white"] = Field(description="Second moments are the identity.")


class ActivationMoments(Wire):
    """Second moments of the inputs of a layer."""

    kind: Literal["moments"] = Field(description="The inputs are known by their second moments.")
    xx: SentMatrix = Field(description="E[x x^T], d x d, about zero and not about the mean.")


class ActivationSamples(Wire):
    """Inputs of a layer as it has read them."""

    kind: Literal["samples"] = Field(description="The inputs are samples.")
    x: SentMatrix = Field(description="n x d.")


Activations: TypeAlias = Annotated[
    WhiteActivations | ActivationMoments | ActivationSamples, Field(discriminator="kind")
]
WHITE: Final = WhiteActivations(kind="white")


class SentLayer(Wire):
    """A weight matrix and the inputs that it reads."""

    name: str = Field(min_length=1, max_length=200, description="Its name, which no other layer has.")
    weights: SentMatrix | None = Field(
        default=None, description="Outputs x inputs; required unless `singular_values` are sent."
    )
    activations: Activations = Field(default=WHITE, description="What it reads; left out: white.")
    correction_of: SentMatrix | None = Field(
        default=None,
        description="The quantised or pruned matrix in the place of `weights`. The factors are then the best "
        "correction that is added to it, and their numbers are all that counts.",
    )
    singular_values: SentVector | None = Field(
        default=None,
        description="In place of `weights`: the min(outputs, inputs) singular values of W S^(1/2), descending, S the "
        "second moments of the inputs.",
    )
    shape: list[Integer] | None = Field(
        default=None,
        min_length=2,
        max_length=2,
        description="Outputs and inputs, beside `singular_values`.",
    )
    least_rank: Integer | None = Field(
        default=None,
        ge=0,
        description="Least rank that `budget` and `error` choose; left out: 1, and 0 for a correction.",
    )


class CompressionReturn(Wire):
    """What of each layer is sent back."""

    factors: bool = Field(default=False, description="Whether the factors are.")
    errors: bool = Field(default=True, description="Whether the errors at all ranks are.")


class CompressionRequest(Wire):
    """Layers, and how small they are to become."""

    model_config = example({"layers": _LAYERS, "budget": 20})

    layers: Items[SentLayer] = Field(min_length=1, description="The layers, in any order.")
    ranks: list[Integer | None] | None = Field(
        default=None,
        fail_fast=True,
        description="The rank of each layer; null keeps the matrix as it is. In place of `budget` and `error`.",
    )
    budget: Number | None = Field(
        default=None,
        gt=0,
        description="Numbers that all layers may store together, or below 1 the share of those that they have. "
        "Left out with `ranks` and `error`: 0.5.",
    )
    error: Number | None = Field(
        default=None, ge=0, description="Total error that is allowed: the fewest numbers are sought."
    )
    relative: bool = Field(
        default=False, description="Whether `error` is a share of the total error of leaving every layer out."
    )
    weighting: Literal["equal", "relative"] = Field(
        default="equal",
        description="What the total error adds: `equal`: the errors of the layers; `relative`: each as a share of what "
        "leaving the layer out would cost, so that layers with small outputs count as much as others.",
    )
    return_: CompressionReturn = Field(
        default=CompressionReturn(), alias="return", description="Whether factors and errors are sent back."
    )
    time_limit_s: TimeLimit = None
    model: OfModel = None


class LowRankFactors(Wire):
    """Two matrices in the place of one."""

    left: Rows = Field(description="Outputs x rank, with orthonormal columns (`lora_B`).")
    right: Rows = Field(description="Rank x inputs (`lora_A`).")


class CompressedLayer(Wire):
    """What becomes of a layer."""

    name: str = Field(description="Its name.")
    shape: list[int] = Field(description="Outputs and inputs.")
    rank: int = Field(description="The chosen rank; that of the shape where the matrix is kept as it is.")
    kept_dense: bool = Field(description="Whether the matrix is kept as it is.")
    error: Number = Field(description="Mean squared change of its outputs at that rank.")
    relative_error: Number | None = Field(
        description="The error as a share of that at rank 0; null with a reason where that is zero."
    )
    errors: Numbers | None = Field(
        default=None, description="The least error at ranks 0, 1, .., min(outputs, inputs); absent unless asked for."
    )
    numbers_before: int = Field(description="Numbers of the matrix.")
    numbers_after: int = Field(
        description="Numbers that are stored; of a correction, those of its factors beside the quantised matrix."
    )
    input_rank: int | None = Field(
        description="Number of directions that its inputs have; null with a reason where it is not known."
    )
    factors: LowRankFactors | None = Field(
        default=None, description="The factors; absent unless asked for, null with a reason where there are none."
    )
    reasons: Reasons


class CompressionTotal(Wire):
    """All layers together."""

    numbers_before: int = Field(description="Numbers of all matrices.")
    numbers_after: int = Field(description="Numbers that are stored.")
    ratio: Number = Field(description="`numbers_after / numbers_before`.")
    error: Number = Field(description="What was minimised or bounded: the sum of the errors, by `weighting`.")
    relative_error: Number | None = Field(
        description="The error as a share of that of leaving every layer out; null with a reason where that is zero."
    )
    reasons: Reasons


class RankCertificate(Wire):
    """How good the choice of ranks is."""

    quantity: Literal["error", "numbers"] = Field(
        description="What is bounded: the total error for a budget or given ranks, the numbers for an error."
    )
    upper_bound: Number = Field(description="What the chosen ranks reach.")
    lower_bound: Number = Field(description="No choice of ranks goes below, nor any other matrices of such ranks.")
    relative_gap: Number = Field(description="(upper - lower) / upper; 0 where both are zero.")
    method: str = Field(description="What proves the bound.")


class CompressedAnswer(Wire):
    """Ranks, errors and factors of all layers."""

    summary: Summary
    status: Status = Field(
        strict=False,
        description="`exact`: the ranks were given; `certified`: no choice is better, rounding apart; `bounded`: none "
        "is better than the lower bound.",
    )
    layers: list[CompressedLayer] = Field(description="In the order of the request.")
    rank_pattern: dict[str, int] = Field(
        description="Rank by name of the layers that become factors, as PEFT's `rank_pattern`; with the same "
        "`alpha_pattern` the factors are used as they are."
    )
    total: CompressionTotal = Field(description="What all layers store and miss.")
    certificate: RankCertificate = Field(description="A bound that no choice of ranks goes below.")
    weighting: Literal["equal", "relative"] = Field(description="That of the request.")
    notes: list[str] = Field(description="What to know of these numbers.")
    model: OfModel = None
    engine_version: EngineVersion
    execution: Executed = None
