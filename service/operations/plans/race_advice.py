"""What the runs of a race say: counts with intervals, quantiles of their curves, and advice for each scheme."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Literal

import numpy as np
from pydantic import Field

from service.core.dynamics.races import wilson_interval
from service.core.dynamics.training import curve_steps
from service.operations.plans.plan import Arrays, Json
from service.schemas.base import Number, Reasons, Wire
from service.schemas.parts import RacedRuns
from service.schemas.races import GapCurve, RaceAdvice, RaceGroup, RacesAnswer, RunColumns, SuccessRate
from service.vocabulary import Convention, Initialisation, Optimiser, Outcome


class RaceHeading(Wire):
    """What of an answer is known before any run."""

    solver: str = Field(description="Name of the solver that found the global minimum.")
    minimum: Number = Field(description="Loss of the global minimum, in the caller's convention.")
    trivial: bool = Field(description="Whether the zero map is a global minimum.")
    escape_norm: Number | None = Field(
        description="Norm of all weights below which every start flows to the origin; null with a reason."
    )
    convention: Convention = Field(strict=False, description="The convention of the losses: that of the request.")
    reasons: Reasons
    engine_version: str = Field(description="Version of the engine that computes the answer.")
    problem_hash: str = Field(description="Hash of the problem with its defaults filled in.")


def advise(arguments: Mapping[str, Json], _arrays: Arrays, inputs: Sequence[Json]) -> RacesAnswer:
    """Put the runs together, count, and say what each scheme is good for."""
    each, steps, scale = int(arguments["chunks_a_pair"]), int(arguments["steps"]), float(arguments["loss_scale"])
    groups = []
    for index, (scheme, optimiser) in enumerate(arguments["pairs"]):
        runs = _joined([RacedRuns.model_validate(part) for part in inputs[index * each : (index + 1) * each]])
        groups.append(_group(Initialisation(scheme), Optimiser(optimiser), runs, steps, scale))
    schemes = dict.fromkeys(Initialisation(scheme) for scheme, _ in arguments["pairs"])
    heading = RaceHeading.model_validate(arguments["heading"])
    advice = [
        _advice(scheme, [group for group in groups if group.initialisation == scheme], heading) for scheme in schemes
    ]
    advice.sort(key=lambda one: -1.0 if one.success is None else -one.success.rate)
    return RacesAnswer(
        solver=heading.solver,
        minimum=heading.minimum,
        trivial=heading.trivial,
        escape_norm=heading.escape_norm,
        groups=groups,
        advice=advice,
        convention=heading.convention,
        reasons=heading.reasons,
        engine_version=heading.engine_version,
        problem_hash=heading.problem_hash,
    )


def _joined(parts: Sequence[RacedRuns]) -> RacedRuns:
    """The runs of several chunks, in order."""
    return RacedRuns(
        outcome=list(chain.from_iterable(part.outcome for part in parts)),
        gap=list(chain.from_iterable(part.gap for part in parts)),
        start_norm=list(chain.from_iterable(part.start_norm for part in parts)),
        end_norm=list(chain.from_iterable(part.end_norm for part in parts)),
        trapped=list(chain.from_iterable(part.trapped for part in parts)),
        gradient_norm=list(chain.from_iterable(part.gradient_norm for part in parts)),
        least_hessian_eigenvalue=list(chain.from_iterable(part.least_hessian_eigenvalue for part in parts)),
        learning_rate=list(chain.from_iterable(part.learning_rate for part in parts)),
        steps_to_1e_3=list(chain.from_iterable(part.steps_to_1e_3 for part in parts)),
        steps_to_1e_6=list(chain.from_iterable(part.steps_to_1e_6 for part in parts)),
        curve=list(chain.from_iterable(part.curve for part in parts)),
    )


def _group(scheme: Initialisation, optimiser: Optimiser, runs: RacedRuns, steps: int, scale: float) -> RaceGroup:
    outcomes = Counter(str(outcome) for outcome in runs.outcome)
    reasons: dict[str, str] = {}
    success: SuccessRate | None = _success(outcomes[Outcome.MINIMUM], len(runs.outcome))
    if outcomes[Outcome.DIFFERENT_OBJECTIVE]:
        success = None
        reasons["success"] = (
            "decoupled decay comes to rest at a stationary point of another objective, so that its gap is not a failure"
        )
    gaps = [gap for gap in runs.gap if gap is not None]
    if not gaps:
        reasons["median_gap"] = "every run diverged"
    if any(value is None for value in runs.least_hessian_eigenvalue):
        reasons["least_hessian_eigenvalue"] = (
            "null where a run did not rest away from the minimum, or the network is too large for a dense Hessian"
        )
    return RaceGroup(
        optimiser=optimiser,
        initialisation=scheme,
        outcomes=dict(outcomes),
        success=success,
        median_gap=float(np.median(gaps)) if gaps else None,
        curve=_quantiles(np.array(runs.curve, dtype=np.float64), steps),
        runs=_in_convention(runs, optimiser, scale),
        reasons=reasons,
    )


def _in_convention(runs: RacedRuns, optimiser: Optimiser, scale: float) -> RunColumns:
    """The runs without their curves, in the caller's convention."""
    # a learning rate multiplies the gradient of the caller's objective
    rate = scale if optimiser in (Optimiser.GD, Optimiser.SGD) else 1.0
    return RunColumns(
        outcome=runs.outcome,
        gap=runs.gap,
        start_norm=runs.start_norm,
        end_norm=runs.end_norm,
        trapped=runs.trapped,
        gradient_norm=[value * scale for value in runs.gradient_norm],
        least_hessian_eigenvalue=[None if value is None else value * scale for value in runs.least_hessian_eigenvalue],
        learning_rate=[None if value is None else value / rate for value in runs.learning_rate],
        steps_to_1e_3=runs.steps_to_1e_3,
        steps_to_1e_6=runs.steps_to_1e_6,
    )


def _quantiles(curve: np.ndarray[Any, np.dtype[np.float64]], steps: int) -> GapCurve:
    found: tuple[list[float | None], ...] = ([], [], [])
    for column in curve.T:
        alive = column[np.isfinite(column)]
        numbers = np.quantile(alive, [0.5, 0.1, 0.9]).tolist() if alive.size else [None] * 3
        for values, number in zip(found, numbers, strict=True):
            values.append(number)
    median, low, high = found
    return GapCurve(steps=curve_steps(steps).tolist(), median=median, lower_decile=low, upper_decile=high)


def _success(successes: int, runs: int) -> SuccessRate:
    return SuccessRate(
        successes=successes, runs=runs, rate=successes / runs, interval=list(wilson_interval(successes, runs))
    )


def _advice(scheme: Initialisation, groups: Sequence[RaceGroup], heading: RaceHeading) -> RaceAdvice:
    inside = groups[0].runs.trapped
    counted = [(group.success, group.optimiser) for group in groups if group.success is not None]
    success, best = None, None
    reasons = {}
    if counted:
        success = _success(sum(one.successes for one, _ in counted), sum(one.runs for one, _ in counted))
        _, best = max(counted, key=lambda one: one[0].rate)
    else:
        reasons = dict.fromkeys(("success", "best_optimiser"), "only decoupled decay raced")
    starts: Literal["inside", "outside", "mixed", "unknown"] = "unknown"
    trapped = None
    if heading.escape_norm is None:
        reasons["trapped"] = heading.reasons["escape_norm"]
    else:
        trapped = sum(inside)
        starts = "inside" if trapped == len(inside) else "mixed" if trapped else "outside"
    return RaceAdvice(
        initialisation=scheme,
        starts=starts,
        trapped=trapped,
        runs=len(inside),
        success=success,
        best_optimiser=best,
        text=_text(scheme, trapped, len(inside), success, trivial=heading.trivial),
        reasons=reasons,
    )


def _text(scheme: Initialisation, trapped: int | None, runs: int, success: SuccessRate | None, *, trivial: bool) -> str:
    """One sentence on what is proved, one on what was observed."""
    if trapped is None:
        proved = f"{scheme}: nothing is proved about where its starts flow."
    elif trapped:
        proved = (
            f"{scheme}: proved for gradient flow, {trapped} of {runs} starts are trapped and end at the origin "
            "(long first steps, as those of line searches, may jump out)."
        )
    else:
        proved = f"{scheme}: no start lies inside the trapping radius, which is necessary and not sufficient."
    if trivial:
        proved += " The origin is the global minimum here."
    if success is None:
        return proved
    low, high = success.interval
    return (
        f"{proved} Observed: {success.successes} of {success.runs} runs reached the minimum "
        f"({100 * success.rate:.0f} %, 95 % interval {100 * low:.0f} to {100 * high:.0f} %)."
    )
