"""Races of optimisers on the wire."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import Field

from service.schemas.base import Execution, Integer, Number, Reasons, Wire, example
from service.schemas.problem import DESIGN_EXAMPLE, ProblemDocument
from service.vocabulary import Convention, Evidence, Initialisation, Optimiser, Outcome

DESCRIPTION: Final = """Race optimisers from several initialisation schemes, and say which schemes start trapped.

A request with a long estimated time becomes a job; the same seed gives the same race, however it is computed."""
EXAMPLES: Final[Mapping[str, Any]] = {
    "two optimisers, all schemes": {
        "problem": DESIGN_EXAMPLE,
        "optimisers": ["adam", "lbfgs"],
        "runs": 3,
        "steps": 200,
        "seed": 1,
    },
}

OptimiserName: TypeAlias = Annotated[Optimiser, Field(strict=False)]
InitialisationName: TypeAlias = Annotated[Initialisation, Field(strict=False)]
OutcomeName: TypeAlias = Annotated[Outcome, Field(strict=False)]


class RacesRequest(Wire):
    """A problem whose minimum is known, and who runs for it."""

    model_config = example({"problem": DESIGN_EXAMPLE, "optimisers": ["adam", "lbfgs"], "runs": 5, "steps": 500})

    problem: ProblemDocument
    optimisers: list[OptimiserName] = Field(
        default=[Optimiser.GD, Optimiser.ADAM, Optimiser.LBFGS],
        min_length=1,
        max_length=5,
        description="`gd` and `lbfgs` see the exact expected gradient, `sgd` sampled rows and masks; `adam` has the "
        "decay in the loss, `adamw` beside it.",
    )
    initialisations: list[InitialisationName] = Field(
        default=list(Initialisation), min_length=1, max_length=5, description="Biases start at zero."
    )
    runs: Integer = Field(default=20, ge=1, description="Starts of each scheme; all optimisers share them.")
    steps: Integer = Field(default=5000, ge=1, description="Steps of each run; iterations for `lbfgs`.")
    seed: Integer = Field(default=0, ge=0, lt=2**63)
    learning_rate: Number | None = Field(
        default=None, gt=0, description="Left out: one over a curvature bound for each run of `gd`, `sgd`; 0.01 else."
    )
    batch_size: Integer = Field(default=32, ge=1, description="Rows of each sampled gradient.")
    sampled: bool = Field(default=False, description="Whether `adam` and `adamw` see sampled gradients too.")
    time_limit_s: Number | None = Field(default=None, gt=0, description="Seconds; at most the server's own limit.")


class SuccessRate(Wire):
    """How many runs came within 1e-3 of the minimum (relative), with a 95 % Wilson interval."""

    successes: int
    runs: int
    rate: Number
    interval: list[Number] = Field(min_length=2, max_length=2)
    evidence: Evidence = Field(default=Evidence.OBSERVED, strict=False)


class GapCurve(Wire):
    """Relative distance of the loss to the minimum along the steps, over the runs that had not diverged."""

    steps: list[int]
    median: list[Number | None]
    lower_decile: list[Number | None]
    upper_decile: list[Number | None]


class RunColumns(Wire):
    """One entry for each run, in the order of their numbers."""

    outcome: list[OutcomeName]
    gap: list[Number | None] = Field(description="At the end; null where the run diverged.")
    start_norm: list[Number]
    end_norm: list[Number]
    trapped: list[bool] = Field(description="Whether gradient flow from this start is proved to end at the origin.")
    gradient_norm: list[Number]
    least_hessian_eigenvalue: list[Number | None] = Field(
        description="Where a run rests away from the minimum and the network has at most 300 weights; null elsewhere."
    )
    learning_rate: list[Number | None] = Field(description="Null for line searches.")
    steps_to_1e_3: list[int | None] = Field(description="Null where never reached.")
    steps_to_1e_6: list[int | None]


class RaceGroup(Wire):
    """One optimiser from one scheme."""

    optimiser: OptimiserName
    initialisation: InitialisationName
    outcomes: dict[str, int]
    success: SuccessRate | None
    median_gap: Number | None
    curve: GapCurve
    runs: RunColumns
    reasons: Reasons


class RaceAdvice(Wire):
    """What is proved and what was observed of one scheme."""

    initialisation: InitialisationName
    starts: Literal["inside", "outside", "mixed", "unknown"] = Field(
        description="Position of its starts relative to the trapping radius of the origin."
    )
    trapped: int | None = Field(description="Starts inside it: gradient flow is proved to end at the origin.")
    runs: int
    success: SuccessRate | None = Field(description="Over all optimisers of the objective itself.")
    best_optimiser: OptimiserName | None
    text: str
    reasons: Reasons


class RacesAnswer(Wire):
    """A race against the known minimum."""

    solver: str
    minimum: Number
    trivial: bool
    escape_norm: Number | None
    groups: list[RaceGroup]
    advice: list[RaceAdvice] = Field(
        description="Ordered by how often the scheme reached the minimum, most often first."
    )
    convention: Convention = Field(strict=False)
    reasons: Reasons
    engine_version: str
    problem_hash: str
    execution: Execution | None = Field(
        default=None, description="Absent from the result of a job; the status of the job has the reason."
    )
