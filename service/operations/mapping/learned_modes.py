"""When each singular direction is learned, in the time of the caller's objective and in steps."""

from typing import Final

from service.core.dynamics.learning_times import LearnedMode, learned_modes, why_not
from service.core.ground.problems import Problem
from service.core.ranks.snapshot import Snapshot
from service.schemas import learned_modes as wire
from service.schemas.flows import FlowAnswer

SMALL_STEP: Final = 0.1
"""Largest product of a step and a curvature with which steps follow the flow."""
NO_RATE: Final = "no learning_rate was sent"


def added(
    answer: FlowAnswer, problem: Problem, start: Snapshot, loss_scale: float, learning_rate: float | None
) -> FlowAnswer:
    """The answer with its modes, or with the reason why it has none."""
    why = why_not(problem)
    if why:
        return answer.model_copy(update={"modes": None, "reasons": {**answer.reasons, "modes": why}})
    found = learned_modes(problem, start.weights)
    return answer.model_copy(
        update={"modes": [_to_wire(place, mode, loss_scale, learning_rate) for place, mode in enumerate(found)]}
    )


def _to_wire(index: int, mode: LearnedMode, loss_scale: float, rate: float | None) -> wire.LearnedMode:
    reasons, steps = dict(mode.reasons), {}
    for name, seconds in (("half", mode.half_time), ("plateau", mode.plateau)):
        field = "half_time" if name == "half" else name
        why = "" if seconds is not None else reasons[field]
        if rate is None:
            why = NO_RATE
        elif mode.curvature is not None and rate * mode.curvature * loss_scale > SMALL_STEP:
            why = f"learning_rate times the curvature is above {SMALL_STEP:g}: steps do not follow the flow"
        if why:
            reasons[f"{name}_steps"] = why
        steps[name] = None if why or seconds is None or rate is None else seconds / loss_scale / rate
    return wire.LearnedMode(
        index=index,
        target=mode.target,
        start=mode.start,
        limit=mode.limit,
        half_time=None if mode.half_time is None else mode.half_time / loss_scale,
        plateau=None if mode.plateau is None else mode.plateau / loss_scale,
        half_steps=steps["half"],
        plateau_steps=steps["plateau"],
        evidence="exact" if mode.exact else "approximate",
        coupling=mode.coupling,
        reasons=reasons,
    )
