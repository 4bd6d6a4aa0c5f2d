"""Phase diagrams on the wire: the axes that are varied, and what comes back."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import Field

from service.schemas.arrays import Booleans, Integers, Numbers
from service.schemas.base import (
    EngineVersion,
    Executed,
    Integer,
    Number,
    OfRequest,
    ProblemHash,
    Reasons,
    TimeLimit,
    Wire,
    example,
)
from service.schemas.minima import IN_RANGE, PreparedColumn
from service.schemas.problem import DESIGN_EXAMPLE, ProblemDocument
from service.vocabulary import PointClass, SweepParameter

DESCRIPTION: Final = """\
Compute columns over a grid of one or two parameters, and trace the transitions of the global minimum.

Answers above 4 MB, or with `accept: application/x-npz`, are an archive: each array under its path, all else as
JSON in the bytes of `__json__`. A request with a long estimated time becomes a job.
With `accept: image/svg+xml` or `image/png` the diagram is a picture."""
EXAMPLES: Final[Mapping[str, Any]] = {
    "one axis: the scale of all decays": {"problem": DESIGN_EXAMPLE},
    "two axes": {
        "problem": DESIGN_EXAMPLE,
        "axes": [
            {"parameter": "decay_scale", "from": 0.01, "to": 10, "points": 50},
            {"parameter": "noise_variance", "from": 0, "to": 5, "points": 20},
        ],
        "return": ["loss", "trivial", "minima"],
    },
}

PhaseColumn: TypeAlias = Literal[
    "loss",
    "lower_bound",
    "fit",
    "noise",
    "decay",
    "norm",
    "trivial",
    "attained",
    "rank",
    "minima",
    "origin",
    "prediction_variance",
    "evaluation_fit",
    "units",
]


class DiagramAxis(Wire):
    """One parameter and its values."""

    parameter: SweepParameter = Field(
        strict=False,
        description="`decay_scale` multiplies all decays, `weight_decay` replaces that of one layer or of all, "
        "`noise_variance` and `width` are common to all hidden layers, `depth` counts hidden layers: the first ones "
        "are kept, more are copies of the last hidden one.",
    )
    layer: Integer | None = Field(
        default=None, ge=1, description="For `weight_decay`: which layer, from 1; left out for all layers."
    )
    from_: Number = Field(alias="from", ge=0, description="The first value.")
    to: Number = Field(ge=0, description="The last value, at least the first.")
    points: Integer = Field(default=200, ge=1, description="Number of values; whole parameters keep each value once.")
    spacing: Literal["linear", "log"] | None = Field(
        default=None, description="Spacing of the values. Left out: `log` for decays that start above 0, else `linear`."
    )


DEFAULT_AXIS = DiagramAxis.model_validate({"parameter": "decay_scale", "from": 1e-3, "to": 10.0, "points": 1000})


class DiagramRequest(Wire):
    """A problem and one or two axes."""

    model_config = example(
        {
            "problem": DESIGN_EXAMPLE,
            "axes": [
                {"parameter": "decay_scale", "from": 0.01, "to": 10, "points": 50},
                {"parameter": "noise_variance", "from": 0, "to": 5, "points": 20},
            ],
        }
    )

    problem: ProblemDocument = Field(description="The problem that is asked about.")
    axes: list[DiagramAxis] = Field(
        default=[DEFAULT_AXIS], min_length=1, max_length=2, description="The last axis runs fastest in the results."
    )
    return_: list[PhaseColumn] = Field(
        default=["loss", "fit", "noise", "decay", "norm", "rank", "trivial", "minima", "origin"],
        alias="return",
        min_length=1,
        max_length=14,
        description="Columns; `lower_bound` and `units` are those of ReLU networks, which have `loss`, `fit`, `decay`, "
        "`trivial` and `attained` beside them; `evaluation_fit`, which needs `data.evaluation`, is added by default "
        "where it is given.",
    )
    time_limit_s: TimeLimit = None

    def columns(self) -> list[str]:
        """The columns to return; by default there is one more where data are held out."""
        columns: list[str] = list(dict.fromkeys(self.return_))
        if "return_" not in self.model_fields_set and getattr(self.problem.data, "evaluation", None) is not None:
            columns.append("evaluation_fit")
        return columns

    def stored(self) -> dict[str, Any]:
        """Everything that decides the answer; the columns as they follow from what was left out."""
        return {**super().stored(), "return": self.columns()}


class AxisValues(Wire):
    """The values of an axis as they were computed."""

    parameter: SweepParameter = Field(strict=False, description="What varies along the axis.")
    layer: int | None = Field(
        default=None,
        description="The layer whose `weight_decay` varies, from 1; null for all layers and for other parameters.",
    )
    values: Numbers = Field(description="The values, ascending.")


class PhaseTransition(Wire):
    """One change of the global minimum, with an entry for each value of the other axis (or a single one)."""

    order: list[int | None] = Field(
        description="1: the minimiser jumps; 2: it changes continuously; null where there is no transition."
    )
    critical: list[Number | None] = Field(
        description="Value of the traced parameter at the transition, to 1e-9 relative; null where there is no "
        "transition."
    )
    norm_before: list[Number | None] = Field(
        description="Frobenius norm of the map just before the transition, on the side of less decay and noise; "
        "null where there is no transition."
    )
    norm_after: list[Number | None] = Field(
        description="Frobenius norm of the map just after the transition; null where there is no transition."
    )


class PhaseBoundary(Wire):
    """All transitions along one parameter, computed from thresholds and not from the grid."""

    traced: SweepParameter = Field(strict=False, description="The parameter along which transitions were traced.")
    transitions: list[PhaseTransition] = Field(
        description="The transitions as decay or noise grows; the last is the collapse to the zero map."
    )
    metastable_up_to: list[Number | None] = Field(
        description="Value of the traced parameter up to which, beyond the collapse, a local minimum other than "
        "the origin survives; null where none does."
    )
    reasons: Reasons


class PhaseResults(Wire):
    """Columns of the grid, flat, the last axis running fastest."""

    loss: Numbers | None = Field(
        default=None, description="Loss at the global minimum, in the convention of the problem."
    )
    lower_bound: Numbers | None = Field(
        default=None, description="Lower bound on the loss of ReLU networks of any width."
    )
    fit: Numbers | None = Field(default=None, description="Data term of the loss.")
    noise: Numbers | None = Field(default=None, description="Part of the loss that the noise adds.")
    decay: Numbers | None = Field(default=None, description="Part of the loss that the weight decay adds.")
    norm: Numbers | None = Field(default=None, description="Frobenius norm of the end-to-end map.")
    trivial: Booleans | None = Field(default=None, description="Whether the zero map is a global minimiser.")
    attained: Booleans | None = Field(default=None, description="Whether weights attain the infimum.")
    rank: Integers | None = Field(default=None, description="Rank of the end-to-end map.")
    minima: Integers | None = Field(default=None, description="Number of levels of local minima, the origin included.")
    origin: Integers | None = Field(default=None, description="Class of the origin: a place in `origin_classes`.")
    prediction_variance: Numbers | None = Field(
        default=None, description="Mean over the inputs of the variance of the prediction under noise."
    )
    evaluation_fit: Numbers | None = Field(
        default=None, description="Fit on the evaluation data; null where the problem has none."
    )
    units: Integers | None = Field(default=None, description="Number of units of the best ReLU network known.")


class DiagramAnswer(Wire):
    """A phase diagram."""

    solver: str = Field(description="Name of the solver that answered.")
    theorems: list[str] = Field(description="Ids of the theorems that the minima rest on; see `/v1/theorems`.")
    axes: list[AxisValues] = Field(description="The axes with their values.")
    shape: list[int] = Field(description="Number of values along each axis.")
    origin_classes: list[Annotated[PointClass, Field(strict=False)]] = Field(
        description="The classes of the origin that occur; `results.origin` counts from 0 in this list."
    )
    results: PhaseResults = Field(
        description="One column for each name in `return`, one entry for each point of the grid."
    )
    boundaries: list[PhaseBoundary] = Field(description="The transitions along each axis.")
    input_columns: list[PreparedColumn] | None = Field(default=None, description=IN_RANGE)
    convention: OfRequest
    engine_version: EngineVersion
    problem_hash: ProblemHash
    execution: Executed = None
