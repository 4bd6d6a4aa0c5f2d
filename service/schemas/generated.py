"""Generated test problems: their parameters, and a problem with its known minimum."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import ConfigDict, Field

from service.schemas.base import Integer, Number, Reasons, Wire, example
from service.schemas.minima import MinimaAnswer
from service.schemas.problem import ProblemDocument
from service.schemas.relu import ReluMinimaAnswer

GENERATED_EXAMPLE: Final[dict[str, Any]] = {
    "inputs": 4,
    "outputs": 3,
    "hidden_widths": [5, 5],
    "singular_values": [3.0, 2.0, 1.0],
    "weight_decay": 0.05,
    "seed": 1,
}


CHOSEN_GAP_EXAMPLE: Final[dict[str, Any]] = {
    "inputs": 6,
    "outputs": 4,
    "hidden_widths": [5, 5],
    "rank": 2,
    "gap": 0.25,
    "weight_decay": 0.05,
    "seed": 1,
}

DESCRIPTION: Final = """Make a problem; equal parameters make equal problems, and the id is the hash of the parameters.

With `accept: application/x-npz` the answer is an archive that can be posted to any analysis as it is."""
EXAMPLES: Final[Mapping[str, Any]] = {
    "three layers with decay": GENERATED_EXAMPLE,
    "a ReLU network with a certified minimum": {
        "inputs": 2,
        "outputs": 1,
        "hidden_widths": [20],
        "samples": 30,
        "residual": 0.1,
        "weight_decay": 0.02,
        "activation": "relu",
        "seed": 1,
    },
    "a minimum of rank two, the next critical value 0.25 above": CHOSEN_GAP_EXAMPLE,
}


class GeneratedParameters(Wire):
    """What a test problem is made of; equal parameters make equal problems."""

    model_config = ConfigDict(**example(GENERATED_EXAMPLE))

    inputs: Integer = Field(ge=1, description="Number of inputs.")
    outputs: Integer = Field(ge=1, description="Number of outputs.")
    hidden_widths: list[Integer] = Field(
        default=[], fail_fast=True, description="Widths of the hidden layers, in order; none for a single layer."
    )
    samples: Integer | None = Field(
        default=None, ge=2, description="Number of samples, at least inputs + outputs; left out: twice that."
    )
    conditioning: Number = Field(
        default=1.0, ge=1, le=1e10, description="Condition number of E[x x^T]; 1 for a single input."
    )
    singular_values: list[Number] | None = Field(
        default=None,
        fail_fast=True,
        min_length=1,
        description="Strengths of the directions that can be learned, strongest first: the singular values of the map "
        "that fits best, where the inputs are white. Their number is the rank of the target; without decay the loss "
        "rises by the square of one where it is not learned. Left out beside `rank`, too: the whole numbers from the "
        "least of inputs, outputs and 10 down to 1.",
    )
    rank: Integer | None = Field(
        default=None,
        ge=1,
        description="Rank of the global minimum, for which singular values are chosen instead of given.",
    )
    gap: Number | None = Field(
        default=None,
        gt=0,
        le=1e4,
        description="How far the next critical value lies above the global minimum; beside `rank` only, 0.1 if left "
        "out.",
    )
    residual: Number = Field(
        default=0.0,
        ge=0,
        le=1e3,
        description="Root mean square of the part of each output that no linear map predicts.",
    )
    weight_decay: Number = Field(default=0.0, ge=0, le=1e3, description="Weight decay of every layer.")
    noise_variance: Number = Field(
        default=0.0, ge=0, le=1e3, description="Variance of the multiplicative noise on every hidden layer."
    )
    activation: Literal["relu"] | None = Field(
        default=None,
        description="`relu`: a two-layer ReLU network of one output on normal inputs, whose targets are those of three "
        "units with `residual` added; it needs a decay and has no singular values. Left out: a linear network.",
    )
    seed: Integer = Field(
        default=0,
        ge=0,
        lt=2**63,
        description="Seed of every random number; the same seed gives the same answer.",
    )


class GeneratedSummary(Wire):
    """A test problem of the standard suite."""

    id: str = Field(description="Hash of the parameters.")
    title: str = Field(description="What the problem tests.")
    parameters: GeneratedParameters = Field(description="The parameters that make it.")


class GeneratedList(Wire):
    """The standard suite."""

    problems: list[GeneratedSummary] = Field(description="The problems of the suite.")


class GeneratedProblem(Wire):
    """A test problem with its minimum."""

    id: str = Field(description="Hash of the parameters, not of the numbers made from them.")
    url: str = Field(description="Where this problem is made again, on any replica: the path carries the parameters.")
    parameters: GeneratedParameters = Field(description="The parameters that made it, defaults filled in.")
    singular_values: list[Number] = Field(
        description="Singular values of the least-squares map where the inputs are white, descending; none for relu."
    )
    problem: ProblemDocument = Field(description="The problem, with its samples.")
    minimum: MinimaAnswer | ReluMinimaAnswer = Field(
        description="With full weights; `status` says whether the value is proved. A value near zero is the "
        "loss of these weights on the samples, with a small relative error."
    )
    next_critical_value: Number | None = Field(
        description="Least loss above the global minimum at which a stationary point is listed; null with a "
        "reason where none is."
    )
    snippet: str = Field(
        description="A Python program for PyTorch that prints the suboptimality of an optimiser, with the id of the "
        "problem and a reference for a paper: `python program.py LBFGS lr=0.5 --steps 500 --seed 1 --json`."
    )
    reasons: Reasons
