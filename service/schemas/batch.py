"""Many minima in one request: independent problems, or one problem with one thing varied."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import Field

from service.schemas.base import (
    EngineVersion,
    Integer,
    Labels,
    Number,
    OfRequest,
    ProblemHash,
    Reasons,
    TimeLimit,
    Wire,
)
from service.schemas.minima import IN_RANGE, MinimaAnswer, PreparedColumn
from service.schemas.problem import DESIGN_EXAMPLE, ProblemDocument
from service.schemas.problem_details import ProblemDetails
from service.schemas.request import BareMinimaRequest, MinimaRequest
from service.vocabulary import Status, SweepParameter

DESCRIPTION: Final = """\
Solve `{"problems": [...]}`, or `{"problem": ..., "vary": {...}, "return": [...]}` in one vectorised call.

Independent problems come back as full answers; with `"return": [...]` beside them as columns, solved and certified
together.

With `accept: application/x-npz` columns come back as arrays, and the rest as the text `answer`."""
EXAMPLES: Final[Mapping[str, Any]] = {
    "one problem, many decays": {
        "problem": DESIGN_EXAMPLE,
        "vary": {"decay_scale": [0.5, 1.0, 1.7, 1.71, 2.0]},
        "return": ["loss", "norm", "trivial"],
    },
    "independent problems": {"problems": [DESIGN_EXAMPLE, {"problem": DESIGN_EXAMPLE, "return": {"weights": "full"}}]},
    "independent problems, columns": {
        "problems": [DESIGN_EXAMPLE, DESIGN_EXAMPLE],
        "return": ["status", "loss", "relative_gap"],
    },
}

Column: TypeAlias = Literal[
    "loss",
    "fit",
    "noise",
    "decay",
    "norm",
    "parameter_norm",
    "trivial",
    "attained",
    "rank",
    "minima",
    "prediction_variance",
    "evaluation_fit",
]
ProblemColumn: TypeAlias = Literal[
    "status",
    "loss",
    "lower_bound",
    "relative_gap",
    "fit",
    "noise",
    "decay",
    "norm",
    "parameter_norm",
    "trivial",
    "attained",
    "rank",
    "prediction_variance",
    "evaluation_fit",
]
NonNegative: TypeAlias = Annotated[Number, Field(ge=0)]
Width: TypeAlias = Annotated[Integer, Field(ge=1)]


class Vary(Wire):
    """Exactly one of the parameters, with its values."""

    decay_scale: list[NonNegative] | None = Field(
        default=None, min_length=1, fail_fast=True, description="Factor on all decays."
    )
    weight_decay: list[NonNegative] | None = Field(
        default=None,
        min_length=1,
        fail_fast=True,
        description="Common decay of all layers, in the caller's convention.",
    )
    noise_variance: list[NonNegative] | None = Field(
        default=None, min_length=1, fail_fast=True, description="Common noise variance of all hidden layers."
    )
    width: list[Width] | None = Field(
        default=None, min_length=1, fail_fast=True, description="Common width of all hidden layers."
    )


class BatchOptions(Wire):
    """What stands beside the problems of a batch."""

    time_limit_s: TimeLimit = None


class VariedRequest(BatchOptions):
    """One problem, and many values of one parameter."""

    problem: ProblemDocument = Field(description="The problem of which one number varies.")
    vary: Vary = Field(description="The parameter that varies and its values.")
    return_: list[Column] = Field(
        default=["loss", "norm", "trivial"],
        alias="return",
        min_length=1,
        max_length=12,
        description="Columns to return.",
    )


class ProblemsOptions(BatchOptions):
    """What stands beside independent problems."""

    return_: list[ProblemColumn] | None = Field(
        default=None,
        alias="return",
        min_length=1,
        max_length=14,
        description="Columns to return instead of full answers; the problems are then solved and certified "
        "together, which is faster.",
    )


class ProblemsRequest(ProblemsOptions):
    """Independent problems, each as for `/v1/minima`."""

    problems: list[BareMinimaRequest | MinimaRequest] = Field(
        min_length=1, description="The problems, bare or wrapped, each with options of its own."
    )


class ProblemsAnswer(Wire):
    """One answer for each problem, in order, or the document that says why there is none."""

    answers: list[MinimaAnswer | ProblemDetails] = Field(
        description="The answers, in the order of the problems; where a problem is refused, the document that the "
        "refusal of this problem alone would have, with its `index`."
    )


class ProblemsHeader(Wire):
    """What a table of independent problems is about, without its columns."""

    count: int = Field(description="Number of problems, and of entries in each column.")
    reasons: Reasons
    refused: list[ProblemDetails] | None = Field(
        default=None,
        description="Why entries of all columns are null: for each problem that is refused the document that says why, "
        "with its `index`; absent where none is.",
    )
    input_columns: list[list[PreparedColumn] | None] | None = Field(
        default=None, description=f"One entry for each problem, null where inputs are as they were sent. {IN_RANGE}"
    )
    engine_version: EngineVersion


class Columns(Wire):
    """Columns of minima, in the order of what was asked; what does not exist, or was refused, is null."""

    loss: list[Number | None] | None = Field(
        default=None, description="Loss at the global minimum, in the convention of the problem."
    )
    fit: list[Number | None] | None = Field(default=None, description="Data term of the loss.")
    noise: list[Number | None] | None = Field(default=None, description="Part of the loss that the noise adds.")
    decay: list[Number | None] | None = Field(default=None, description="Part of the loss that the weight decay adds.")
    norm: list[Number | None] | None = Field(default=None, description="Frobenius norm of the end-to-end map.")
    parameter_norm: list[Number | None] | None = Field(
        default=None, description="Norm of all weights; null where no weights attain the infimum."
    )
    trivial: list[bool | None] | None = Field(default=None, description="Whether the zero map is a global minimiser.")
    attained: list[bool | None] | None = Field(default=None, description="Whether weights attain the infimum.")
    rank: list[int | None] | None = Field(default=None, description="Rank of the end-to-end map.")
    prediction_variance: list[Number | None] | None = Field(
        default=None, description="Mean over the inputs of the variance of the prediction under noise."
    )
    evaluation_fit: list[Number | None] | None = Field(
        default=None, description="Fit on the evaluation data; null where a problem has none."
    )


class ProblemsResults(Columns):
    """The columns that were asked for, in the order of the problems."""

    status: list[Status | None] | None = Field(default=None, description="How sure each minimum is.")
    lower_bound: list[Number | None] | None = Field(default=None, description="Lower bound on the loss of all weights.")
    relative_gap: list[Number | None] | None = Field(
        default=None, description="Gap between the bounds, relative as in `certificate.relative_gap` of `/v1/minima`."
    )


class ProblemsTable(ProblemsHeader):
    """Certified global minima of independent problems, each in its own convention."""

    results: ProblemsResults = Field(description="One column for each name in `return`, one entry for each problem.")


class VariedHeader(Wire):
    """What a sweep is about, without its columns."""

    solver: str = Field(description="Name of the solver that answered.")
    theorems: list[str] = Field(description="Ids of the theorems that the minima rest on; see `/v1/theorems`.")
    parameter: SweepParameter = Field(strict=False, description="The parameter that varies.")
    count: int = Field(description="Number of values, and of entries in each column.")
    convention: OfRequest
    classes: Labels = None
    reasons: Reasons
    input_columns: list[PreparedColumn] | None = Field(default=None, description=IN_RANGE)
    engine_version: EngineVersion
    problem_hash: ProblemHash


class VariedResults(Columns):
    """The columns that were asked for, in the order of the values."""

    minima: list[int] | None = Field(default=None, description="Number of levels of local minima, the origin included.")


class VariedAnswer(VariedHeader):
    """Global minima in the order of the values."""

    results: VariedResults = Field(description="One column for each name in `return`, one entry for each value.")
