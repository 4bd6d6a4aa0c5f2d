"""Many minima in one request: independent problems, or one problem with one thing varied."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import Field

from service.schemas.base import Integer, Number, Reasons, Wire
from service.schemas.minima import IN_RANGE, MinimaAnswer, PreparedColumn
from service.schemas.problem import DESIGN_EXAMPLE, ProblemDocument
from service.schemas.request import BareMinimaRequest, MinimaRequest
from service.vocabulary import Convention, Status, SweepParameter

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

    time_limit_s: Number | None = Field(default=None, gt=0, description="Seconds; at most the server's own limit.")


class VariedRequest(BatchOptions):
    """One problem, and many values of one parameter."""

    problem: ProblemDocument
    vary: Vary
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

    problems: list[BareMinimaRequest | MinimaRequest] = Field(min_length=1)


class ProblemsAnswer(Wire):
    """One answer for each problem, in order."""

    answers: list[MinimaAnswer]


class ProblemsHeader(Wire):
    """What a table of independent problems is about, without its columns."""

    count: int
    reasons: Reasons
    input_columns: list[list[PreparedColumn] | None] | None = Field(
        default=None, description=f"One entry for each problem, null where inputs are as they were sent. {IN_RANGE}"
    )
    engine_version: str


class Columns(Wire):
    """Columns of minima, in the order of what was asked; what does not exist is null."""

    loss: list[Number] | None = None
    fit: list[Number] | None = None
    noise: list[Number] | None = None
    decay: list[Number] | None = None
    norm: list[Number] | None = None
    parameter_norm: list[Number | None] | None = None
    trivial: list[bool] | None = None
    attained: list[bool] | None = None
    rank: list[int] | None = None
    prediction_variance: list[Number] | None = None
    evaluation_fit: list[Number | None] | None = None


class ProblemsResults(Columns):
    """The columns that were asked for, in the order of the problems."""

    status: list[Status] | None = None
    lower_bound: list[Number] | None = None
    relative_gap: list[Number] | None = None


class ProblemsTable(ProblemsHeader):
    """Certified global minima of independent problems, each in its own convention."""

    results: ProblemsResults


class VariedHeader(Wire):
    """What a sweep is about, without its columns."""

    solver: str
    theorems: list[str]
    parameter: SweepParameter = Field(strict=False)
    count: int
    convention: Convention = Field(strict=False)
    classes: list[int] | None = Field(default=None, description="The label of each output; for classification only.")
    reasons: Reasons
    input_columns: list[PreparedColumn] | None = Field(default=None, description=IN_RANGE)
    engine_version: str
    problem_hash: str


class VariedResults(Columns):
    """The columns that were asked for, in the order of the values."""

    minima: list[int] | None = None


class VariedAnswer(VariedHeader):
    """Global minima in the order of the values."""

    results: VariedResults
