"""What is known of a certified ReLU network between two chunks: the best network and the best bound."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.relu.corners import SharedCones
from service.core.relu.dual import DualBound, dual_bound
from service.core.relu.minimum import floor_of
from service.core.relu.networks import HiddenUnits, Objective
from service.core.relu.training.trainer import Trainer
from service.operations.plans.columns import numbers
from service.operations.plans.plan import Json
from service.schemas.parts_relu import ReluCones, ReluState

Missing = tuple[FloatArray, float, float]
"""A missing unit: its direction, its sign, and its correlation with the errors."""


def state_of(
    arguments: Mapping[str, Json],
    trainer: Trainer,
    dual: DualBound,
    *,
    critical: float | None = None,
    missing: Missing | None = None,
    slack: float = 1.0,
    cones: int = 0,
    searches: int = 0,
    over: bool = False,
    relaxed: bool = False,
    trained: int = 2,
) -> ReluState:
    """The state after a step, ready to be stored; it is done when its gap is closed, or ``over``."""
    units, gap = trainer.network, gap_of(trainer.objective, trainer.value, dual.bound)
    direction, sign, correlation = (np.zeros(0), 0.0, 0.0) if missing is None else missing
    factor = float(arguments["loss_per_sum"])
    return ReluState(
        w=units.w,
        signs=units.signs,
        free=units.free,
        errors=trainer.errors(),
        known=trainer.known,
        value=trainer.value,
        bound=dual.bound,
        gap=gap,
        dual=dual.errors,
        feature_bound=dual.feature_bound,
        slack=slack,
        critical=critical,
        direction=direction,
        sign=sign,
        correlation=correlation,
        cones=cones,
        searches=searches,
        relaxed=relaxed,
        trained=trained,
        loss=factor * trainer.value,
        lower_bound=factor * dual.bound,
        done=trained == 2 and (over or gap <= trainer.tolerance),
    )


def better(objective: Objective, state: ReluState, parts: Sequence[ReluCones]) -> DualBound:
    """The better of the bound of a state and of what all parts of a search of its errors have proved."""
    largest = max(max(part.closed, part.open_bound, part.value) for part in parts)
    found = dual_bound(objective, numbers(state.errors), largest)
    known = DualBound(state.bound, numbers(state.dual), state.feature_bound)
    return found if found.bound > known.bound else known


def last_of(objective: Objective, results: Sequence[Json]) -> ReluState:
    """The last state among stored results, with the bound that the searches behind it have proved.

    A search bounds the whole space wave by wave; a wave that was broken off counts for nothing.
    """
    place = max(index for index, result in enumerate(results) if "done" in result)
    state = ReluState.model_validate(results[place])
    waves: dict[int, list[ReluCones]] = {}
    for result in results[place + 1 :]:
        part = ReluCones.model_validate(result)
        waves.setdefault(part.cones_before, []).append(part)
    whole = [wave for wave in waves.values() if len(wave) == wave[0].places]
    if not whole:
        return state
    dual = better(objective, state, whole[-1])
    cones = whole[-1][0].cones_before + sum(part.cones for part in whole[-1])
    found = {"bound": dual.bound, "dual": dual.errors, "feature_bound": dual.feature_bound, "cones": cones}
    return state.model_copy(update=found)


def trainer_of(objective: Objective, state: ReluState, arguments: Mapping[str, Json]) -> Trainer:
    """A trainer that goes on from a state."""
    known = rows_of(state.known, objective.x.shape[1])
    units = units_of(objective, state)
    return Trainer(objective, float(arguments["tolerance"]), units, known, int(arguments["seed"]))


def units_of(objective: Objective, state: ReluState) -> HiddenUnits:
    """The network of a state."""
    return HiddenUnits(rows_of(state.w, objective.x.shape[1]), numbers(state.signs), numbers(state.free))


def gap_of(objective: Objective, value: float, bound: float) -> float:
    """Relative gap between value and bound."""
    return (value - bound) / max(abs(value), floor_of(objective), 1e-300)


def open_of(part: ReluCones, rank: int) -> SharedCones:
    """The cones that a part has left open."""
    return SharedCones(rows_of(part.vertices, rank), rows_of(part.corners, rank).astype(np.int32))


def rows_of(values: Any, width: int) -> FloatArray:
    """Rows (m, width) of a part, which may have none."""
    return numbers(values).reshape(-1, width)
