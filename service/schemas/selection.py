"""Choosing one number of a problem without held-out data, on the wire."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag

from service.schemas.arrays import Booleans, Integers, NullableNumbers, Numbers
from service.schemas.base import (
    EngineVersion,
    Executed,
    Integer,
    Number,
    OfRequest,
    ProblemHash,
    Reasons,
    Summary,
    TimeLimit,
    Wire,
    example,
)
from service.schemas.data import EvaluationFactor, EvaluationMoments
from service.schemas.minima import MinimaAnswer
from service.schemas.problem import ProblemDocument

DESCRIPTION: Final = """\
Choose a decay, a noise or a width without held-out data, from exact minima at every value.

Each value has its training error, the error on samples left out one at a time, generalised and K-fold cross-validation,
and the degrees of freedom of the fit. The value that each criterion chooses comes with its certified minimum, as
`/v1/minima` answers it. All errors are mean squared errors a sample, added over outputs, in every convention.

With `accept: image/svg+xml` or `image/png` the answer is a picture."""

_PROBLEM: Final[Mapping[str, Any]] = {
    "network": {"layers": [{"width": 8, "weight_decay": 1.0}, {"width": 1, "weight_decay": 1.0}], "bias": "output"},
    "data": {"kind": "example", "name": "diabetes"},
}
EXAMPLES: Final[Mapping[str, Any]] = {
    "the decay of a network on bundled data": {
        "problem": _PROBLEM,
        "vary": "weight_decay",
        "grid": {"from": 0.001, "to": 1.0, "points": 30},
        "folds": 5,
    },
    "moments and their number": {
        "problem": {
            "network": {"layers": [{"width": 4, "weight_decay": 0.1}, {"width": 1, "weight_decay": 0.1}]},
            "data": {"kind": "moments", "xx": [[1.0, 0.2], [0.2, 1.0]], "xy": [[0.6], [0.3]], "yy": 1.0, "n": 50},
        },
        "vary": "decay_scale",
        "values": [0.1, 0.3, 1.0, 3.0],
    },
}

SelectedParameter: TypeAlias = Literal["decay_scale", "weight_decay", "noise_variance", "width"]
FoldData: TypeAlias = Annotated[EvaluationMoments | EvaluationFactor, Discriminator("kind")]


def _form(value: object) -> str:
    return "each" if isinstance(value, list) else "number"


Folds: TypeAlias = Annotated[
    Annotated[Annotated[Integer, Field(ge=2)], Tag("number")]
    | Annotated[Annotated[list[Integer], Field(min_length=2, fail_fast=True)], Tag("each")],
    Discriminator(_form),
]


class SelectionGrid(Wire):
    """Values between two ends."""

    from_: Number = Field(alias="from", ge=0, description="The first value.")
    to: Number = Field(ge=0, description="The last value, at least the first.")
    points: Integer = Field(default=100, ge=1, description="Number of values; widths keep each value once.")
    spacing: Literal["linear", "log"] | None = Field(
        default=None, description="Spacing of the values. Left out: `log` for decays that start above 0, else `linear`."
    )


class SelectionRequest(Wire):
    """A problem, what varies, and how samples are left out."""

    model_config = example(
        {"problem": dict(_PROBLEM), "vary": "weight_decay", "values": [0.001, 0.01, 0.1, 1.0], "folds": 5}
    )

    problem: ProblemDocument = Field(description="The problem of which one number is to be chosen.")
    vary: SelectedParameter | None = Field(
        default=None,
        description="`decay_scale` multiplies all decays, `weight_decay` is common to all layers, in the caller's "
        "convention; `noise_variance` and `width` are common to all hidden layers. Left out: `decay_scale`, or "
        "`weight_decay` where nothing decays.",
    )
    values: list[Annotated[Number, Field(ge=0)]] | None = Field(
        default=None,
        min_length=1,
        fail_fast=True,
        description="The values to choose from, in any order; in place of `grid`.",
    )
    grid: SelectionGrid | None = Field(
        default=None,
        description="The values as a grid. Left out with `values`: 1e-4 to 10 for decays, 0 to 4 for a noise, 1 to 64 "
        "for a width.",
    )
    folds: Folds | None = Field(
        default=None,
        description="Number of folds, or the fold of each sample as integers. Left out: 5, or as many as there are "
        "samples if these are fewer.",
    )
    fold_data: list[FoldData] | None = Field(
        default=None,
        min_length=2,
        description="For moments or a factor: those of each fold alone, which together are the data. An uploaded data "
        "set brings what was kept of its folds.",
    )
    loo: Literal["approximate", "exact"] = Field(
        default="approximate",
        description="How samples are left out one at a time. `approximate`: by one step from the minimum of all, "
        "which is exact without hidden layers; `exact`: by one minimum for each sample and value.",
    )
    seed: Integer = Field(default=0, ge=0, description="Seed of the split into folds.")
    time_limit_s: TimeLimit = None


class FoldMeans(Wire):
    """Errors on folds that were left out, one entry for each value."""

    mean: Numbers = Field(description="Mean squared error on the samples of the folds that were left out.")
    standard_error: Numbers = Field(
        description="Standard error of the mean, from the spread of the errors of the folds."
    )
    sizes: list[int] = Field(description="Number of samples of each fold.")


class ChosenValue(Wire):
    """The value that a criterion chooses."""

    index: int = Field(description="Place of the value in `values`, from 0; the first of equals.")
    value: Number = Field(description="The value.")
    score: Number = Field(description="Its mean squared error by the criterion.")


class ChosenByEach(Wire):
    """The value that each criterion chooses; null where there is no score, see `reasons`."""

    loo: ChosenValue | None = Field(description="Least error on samples left out one at a time.")
    gcv: ChosenValue | None = Field(description="Least generalised cross-validation.")
    kfold: ChosenValue | None = Field(description="Least mean error on folds.")
    one_standard_error: ChosenValue | None = Field(
        description="The most decay, the most noise or the least width whose mean error on folds is within one "
        "standard error of the least."
    )
    evaluation: ChosenValue | None = Field(
        default=None, description="Least error on `data.evaluation`; absent without such data."
    )


class ChosenMinimum(Wire):
    """The certified minimum at a chosen value."""

    value: Number = Field(description="The value.")
    chosen_by: list[str] = Field(description="The criteria that choose it.")
    minima: MinimaAnswer = Field(description="What `/v1/minima` answers for the problem with this value.")


class SelectionAnswer(Wire):
    """Scores of each value, and what they choose."""

    summary: Summary
    vary: SelectedParameter = Field(description="What varies.")
    values: Numbers = Field(description="The values, in the order of the request; all columns are in this order.")
    train: Numbers = Field(description="Mean squared error of the mean prediction on the data themselves.")
    loo: NullableNumbers | None = Field(description="Mean squared error on samples left out one at a time.")
    loo_evidence: Literal["exact", "approximate"] | None = Field(
        description="`exact`: what minima without each sample give; `approximate`: one Newton step towards them."
    )
    gcv: NullableNumbers | None = Field(description="Generalised cross-validation: `train / (1 - df / (n k))^2`.")
    kfold: FoldMeans | None = Field(description="Errors on folds that were left out.")
    degrees_of_freedom: NullableNumbers | None = Field(
        description="By how much predictions follow their own targets; a free bias counts one for each output."
    )
    norm: Numbers = Field(description="Frobenius norm of the end-to-end map.")
    rank: Integers = Field(description="Rank of the end-to-end map.")
    trivial: Booleans = Field(description="Whether the zero map is a global minimiser.")
    evaluation: Numbers | None = Field(
        default=None, description="Mean squared error on `data.evaluation`; absent without such data."
    )
    chosen: ChosenByEach = Field(description="What each criterion chooses.")
    chosen_minima: list[ChosenMinimum] = Field(description="The certified minimum at each value that is chosen.")
    notes: list[str] = Field(description="What to know of these numbers: how data were held, order, repeated values.")
    reasons: Reasons
    solver: str = Field(description="Name of the solver behind every minimum.")
    theorems: list[str] = Field(description="Ids of the theorems that the minima rest on; see `/v1/theorems`.")
    convention: OfRequest
    engine_version: EngineVersion
    problem_hash: ProblemHash
    execution: Executed = None
