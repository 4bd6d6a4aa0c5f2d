"""Races of optimisers on the wire."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import Field

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
from service.schemas.minima import EscapeNorm
from service.schemas.problem import DESIGN_EXAMPLE, ProblemDocument
from service.vocabulary import Initialisation, Optimiser, Outcome

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

    problem: ProblemDocument = Field(description="The problem that is asked about.")
    optimisers: list[OptimiserName] = Field(
        default=[Optimiser.GD, Optimiser.ADAM, Optimiser.LBFGS],
        min_length=1,
        max_length=5,
        description="`gd` and `lbfgs` see the exact expected gradient, `sgd` sampled rows and masks; `adam` has the "
        "decay in the loss, `adamw` beside it.",
    )
    initialisations: list[InitialisationName] = Field(
        default=list(Initialisation),
        min_length=1,
        max_length=5,
        description="How the weights of the starts are drawn; biases start at zero.",
    )
    runs: Integer = Field(default=20, ge=1, description="Number of starts of each scheme; all optimisers share them.")
    steps: Integer = Field(default=5000, ge=1, description="Number of steps of each run; of iterations for `lbfgs`.")
    seed: Integer = Field(
        default=0, ge=0, lt=2**63, description="Seed of every random number; the same seed gives the same answer."
    )
    learning_rate: Number | None = Field(
        default=None,
        gt=0,
        description="Learning rate of every run. Left out: one over a bound on the curvature for `gd` and `sgd`, "
        "0.01 for the others.",
    )
    batch_size: Integer = Field(default=32, ge=1, description="Number of rows in each sampled gradient.")
    sampled: bool = Field(default=False, description="Whether `adam` and `adamw` see sampled gradients too.")
    time_limit_s: TimeLimit = None


class SuccessRate(Wire):
    """How many runs came within 1e-3 of the minimum (relative), with a 95 % Wilson interval."""

    successes: int = Field(description="Number of runs that came so close.")
    runs: int = Field(description="Number of all runs.")
    rate: Number = Field(description="`successes` over `runs`.")
    interval: list[Number] = Field(
        min_length=2, max_length=2, description="Lower and upper end of the 95 % Wilson interval of the rate."
    )


class GapCurve(Wire):
    """Relative distance of the loss to the minimum along the steps, over the runs that had not diverged."""

    steps: list[int] = Field(description="Steps at which the distance was recorded.")
    median: list[Number | None] = Field(description="Median over the runs at each step; null where all had diverged.")
    lower_decile: list[Number | None] = Field(
        description="Distance that a tenth of the runs go below; null where all had diverged."
    )
    upper_decile: list[Number | None] = Field(
        description="Distance that a tenth of the runs exceed; null where all had diverged."
    )


class RunColumns(Wire):
    """One entry for each run, in the order of their numbers."""

    outcome: list[OutcomeName] = Field(description="Where each run ended.")
    gap: list[Number | None] = Field(
        description="Relative distance of the final loss to the minimum; null where the run diverged."
    )
    start_norm: list[Number] = Field(description="Norm of all weights at the start.")
    end_norm: list[Number] = Field(description="Norm of all weights at the end.")
    trapped: list[bool] = Field(description="Whether gradient flow from this start is proved to end at the origin.")
    gradient_norm: list[Number] = Field(description="Norm of the gradient at the end.")
    least_hessian_eigenvalue: list[Number | None] = Field(
        description="Least eigenvalue of the Hessian at the end, where a run rests away from the minimum and the "
        "network has at most 300 weights; null elsewhere."
    )
    learning_rate: list[Number | None] = Field(description="Learning rate of each run; null for line searches.")
    steps_to_1e_3: list[int | None] = Field(
        description="Step at which the relative distance first was below 1e-3; null where it never was."
    )
    steps_to_1e_6: list[int | None] = Field(
        description="Step at which the relative distance first was below 1e-6; null where it never was."
    )


class RaceGroup(Wire):
    """One optimiser from one scheme."""

    optimiser: OptimiserName = Field(description="The optimiser of these runs.")
    initialisation: InitialisationName = Field(description="The scheme that drew the starts.")
    outcomes: dict[str, int] = Field(description="Number of runs for each outcome that occurred.")
    success: SuccessRate | None = Field(
        description="How often the minimum was reached; null with a reason where the optimiser minimises another "
        "objective."
    )
    median_gap: Number | None = Field(
        description="Median over the runs of `runs.gap`; null with a reason where every run diverged."
    )
    curve: GapCurve = Field(description="How the distance to the minimum shrank.")
    runs: RunColumns = Field(description="What became of each run.")
    reasons: Reasons


class RaceAdvice(Wire):
    """What is proved and what was observed of one scheme."""

    initialisation: InitialisationName = Field(description="The scheme that drew the starts.")
    starts: Literal["inside", "outside", "mixed", "unknown"] = Field(
        description="Position of its starts relative to the trapping radius of the origin."
    )
    trapped: int | None = Field(
        description="Number of starts inside that radius, from which gradient flow is proved to end at the "
        "origin; null with a reason where no radius is known."
    )
    runs: int = Field(description="Number of starts.")
    success: SuccessRate | None = Field(
        description="How often the optimisers of the objective itself reached the minimum; null with a reason "
        "where there were none."
    )
    best_optimiser: OptimiserName | None = Field(
        description="The optimiser that reached the minimum most often; null with a reason where none did."
    )
    text: str = Field(description="The advice, in one or two sentences.")
    reasons: Reasons


class RacesAnswer(Wire):
    """A race against the known minimum."""

    solver: str = Field(description="Name of the solver that gives the minimum.")
    minimum: Number = Field(description="Loss of the global minimum.")
    trivial: bool = Field(description="Whether the zero map is a global minimiser.")
    escape_norm: EscapeNorm
    groups: list[RaceGroup] = Field(description="One entry for each optimiser and scheme.")
    advice: list[RaceAdvice] = Field(
        description="Ordered by how often the scheme reached the minimum, most often first."
    )
    convention: OfRequest
    reasons: Reasons
    engine_version: EngineVersion
    problem_hash: ProblemHash
    execution: Executed = None
