"""Certified ReLU minima as a plan that follows its results: train, search all cones in parts, train again.

The parts of a search are subtrees of one branch and bound; each goes on from the cones that the part before left open.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import numpy as np

from service.core.convex_losses.table import LOSSES
from service.core.ground.numbers.arrays import FloatArray
from service.core.relu.both_signs import SIGNS
from service.core.relu.cones import SimplicialCones
from service.core.relu.critical import CRITICAL_CONES, MOST_RANK, critical_beta
from service.core.relu.dual import DualBound, crude_dual, dual_bound
from service.core.relu.form import examined, form_of
from service.core.relu.minimum import RELAXED_RANK, RELAXED_ROUNDS, floor_of, slack_after
from service.core.relu.networks import HiddenUnits, Objective
from service.core.relu.planar import PLANE, largest_on_plane
from service.core.relu.relaxed import relaxed_bounds
from service.core.relu.rows import Span
from service.core.relu.search import ConeSearch, Largest, turned
from service.core.relu.training import Trainer
from service.operations.cost import relu_s
from service.operations.guards import check_time
from service.operations.mapping import problem as problem_mapping
from service.operations.mapping import relu as mapping
from service.operations.mapping.locations import located
from service.operations.plans.columns import numbers
from service.operations.plans.plan import Arrays, Chunk, Json, Plan, Work
from service.schemas.parts_relu import ReluCones, ReluState
from service.schemas.relu import ReluMinimaAnswer, ReluMinimaRequest
from service.settings import Limits
from service.vocabulary import Loss

CONES: Final = 6_000
"""Cones that one chunk bounds: some 0.3 s of a core."""
PARTS: Final = 4
"""Parts of the space of each sign that are searched side by side."""
FEW: Final = 600
"""Open cones up to which the rest of a search stays in one part."""
SHARED: Final = ("loss", "parameter", "beta", "slope", "ridge", "excess", "rank", "tolerance", "effort", "seed")


def relu_plan(request: ReluMinimaRequest, limits: Limits) -> Plan:
    """Plan a search.

    Raises
    ------
    InputError, LimitExceeded
        Locations from the root of the request.
    NotCovered
        Naming the hypotheses that fail.
    """
    check_time(request.time_limit_s, limits)
    with located(("problem",)):
        mapped = problem_mapping.to_core(request.problem, limits, relu=True)
    findings = examined(mapped.core)
    parameter = mapping.parameter_of(request.problem)
    form = form_of(mapped.core, parameter)
    objective = form.objective
    arguments: dict[str, Json] = {
        "loss": request.problem.objective.loss,
        "parameter": parameter,
        "beta": objective.beta,
        "slope": objective.slope,
        "ridge": objective.ridge,
        "excess": objective.excess,
        "rank": Span.of(objective.x).dimension,
        "tolerance": request.tolerance,
        "effort": request.effort,
        "seed": request.seed,
        "head": asdict(mapping.heading(request, mapped, form, findings)),
    }
    arrays = {"x": objective.x, "y": objective.loss.y, "free": objective.free}
    first = Chunk("train", {name: arguments[name] for name in SHARED})
    return Plan(
        [first],
        "answer",
        arguments,
        arrays,
        relu_s(len(objective.x), int(objective.x.shape[1]), request.effort),
        "follow",
    )


def compute_training(arguments: Mapping[str, Json], arrays: Arrays, inputs: Sequence[Json]) -> ReluState:
    """Bound by what the last search has proved, insert what it found missing, and train."""
    objective, tolerance = _objective(arguments, arrays), float(arguments["tolerance"])
    if not inputs:
        trainer = Trainer(objective, tolerance, seed=int(arguments["seed"]))
        start = crude_dual(objective, trainer.errors())
        trainer.train()
        after = crude_dual(objective, trainer.errors())
        dual = max(start, after, key=lambda one: one.bound)
        critical = critical_beta(objective, CRITICAL_CONES)
        known = critical.value if critical.is_known else None
        over = not 0 < int(arguments["rank"]) <= MOST_RANK
        return _state(trainer, dual, known, None, slack=1.0, cones=0, searches=0, over=over)
    before, parts = ReluState.model_validate(inputs[0]), [ReluCones.model_validate(part) for part in inputs[1:]]
    errors = numbers(before.errors)
    largest = max(max(part.closed, part.open_bound, part.value) for part in parts)
    found = dual_bound(objective, errors, largest)
    known_bound = DualBound(before.bound, numbers(before.dual), before.feature_bound)
    dual = found if found.bound > before.bound else known_bound
    trainer = _trainer(objective, before, arguments)
    directions = np.concatenate([_rows(part.directions, objective.x.shape[1]) for part in parts])
    signs = np.concatenate([np.full(len(numbers(part.values)), SIGNS[part.side]) for part in parts])
    gap = _gap(trainer.objective, trainer.value, dual.bound)
    missing = None
    if len(signs):
        values = np.concatenate([numbers(part.values) for part in parts])
        best = values.argmax()
        missing = (directions[best], float(signs[best]), float(values[best]))
    if gap > tolerance:
        value = trainer.value
        if len(signs):
            trainer.insert(directions, signs, errors, gap)
        else:
            trainer.train(gap)
        if trainer.value < value:
            missing = None
    cones = parts[0].cones_before + sum(part.cones for part in parts)
    complete = not any(part.open_bound for part in parts)
    slack = parts[0].slack
    stuck = complete and trainer.value >= before.value and slack <= 0.3 * tolerance
    over = stuck or cones >= float(arguments["effort"])
    searches = before.searches + 1
    return _state(
        trainer, dual, before.critical, missing, slack=slack, cones=cones, searches=searches, over=over, relaxed=True
    )


def compute_cones(arguments: Mapping[str, Json], arrays: Arrays, inputs: Sequence[Json]) -> ReluCones:
    """Bound some cones of one part of the space."""
    objective = _objective(arguments, arrays)
    state = ReluState.model_validate(inputs[0])
    rows = Span.of(objective.x).with_errors(numbers(state.errors), objective.slope)
    side, part, of = (int(arguments[name]) for name in ("side", "part", "of"))
    if side:
        rows = rows.reversed
    dimension = rows.x.shape[1]
    missing = objective.beta * (1.0 + 0.3 * float(arguments["tolerance"]))
    if dimension <= PLANE:
        return _told(arguments, largest_on_plane(rows, missing), None)
    if len(inputs) > 1:
        open_ = _rows(ReluCones.model_validate(inputs[1]).generators, dimension * dimension)
        cones = SimplicialCones.spanned(open_.reshape(-1, dimension, dimension))
    else:
        cones = turned(rows)
    cones = cones[slice(part * len(cones) // of, (part + 1) * len(cones) // of)]
    target = objective.beta * (1.0 + float(arguments["slack"]))
    search = ConeSearch(rows, target, missing=missing, cones=cones)
    search.run(most=max(CONES, len(cones)))
    return _told(arguments, search.result(), search)


def _told(arguments: Mapping[str, Json], found: Largest, search: ConeSearch | None) -> ReluCones:
    """What a part has found, with what it leaves open."""
    left = np.zeros((0, 1)) if search is None else search.open_cones.generators
    return ReluCones(
        train=int(arguments["train"]),
        side=int(arguments["side"]),
        slack=float(arguments["slack"]),
        closed=max(float(arguments["closed"]), found.bound if search is None else search.closed_bound),
        value=found.value,
        directions=found.directions[:100],
        values=found.values[:100],
        generators=left.reshape(len(left), int(np.prod(left.shape[1:]))),
        open_bound=found.bound if len(left) else 0.0,
        cones=found.cones,
        cones_before=int(arguments["cones"]),
    )


def compute_relaxed(arguments: Mapping[str, Json], arrays: Arrays, inputs: Sequence[Json]) -> ReluState:
    """A better bound without cones."""
    objective, state = _objective(arguments, arrays), ReluState.model_validate(inputs[0])
    trainer = _trainer(objective, state, arguments)
    dual = DualBound(state.bound, numbers(state.dual), state.feature_bound)
    for found in relaxed_bounds(trainer.objective, trainer.network, RELAXED_ROUNDS):
        dual = found if found.bound > dual.bound else dual
    over = int(arguments["rank"]) > MOST_RANK
    return _state(trainer, dual, state.critical, None, slack=1.0, cones=0, searches=0, over=over, relaxed=True)


def follow(arguments: Mapping[str, Json], _arrays: Arrays, inputs: Sequence[Json]) -> list[Chunk]:
    """The next chunks after those of the last round: a search of all parts, its next wave, or training."""
    shared = {name: arguments[name] for name in SHARED}
    index = int(arguments["next_index"])
    if "done" in inputs[0]:
        state = ReluState.model_validate(inputs[0])
        rank = int(arguments["rank"])
        if rank >= RELAXED_RANK and not state.relaxed:
            return [Chunk("relaxed", shared, (index - 1,))]
        if state.done:
            return []
        parts_of = 1 if rank <= PLANE else PARTS
        slack = slack_after(state.slack, state.gap, float(arguments["tolerance"]))
        given = {**shared, "train": index - 1, "slack": slack, "closed": 0.0, "cones": state.cones, "of": parts_of}
        places = [(side, part) for side in range(len(SIGNS)) for part in range(parts_of)]
        return [Chunk("cones", {**given, "side": side, "part": part}, (index - 1,)) for side, part in places]
    parts = [ReluCones.model_validate(part) for part in inputs]
    train, first = parts[0].train, index - len(parts)
    cones = parts[0].cones_before + sum(part.cones for part in parts)
    open_ = [place for place, part in enumerate(parts) if part.open_bound > 0.0]
    found = any(len(numbers(part.values)) for part in parts)
    if not open_ or found or cones >= float(arguments["effort"]):
        return [Chunk("train", shared, (train, *range(first, index)))]
    closed = max(part.closed for part in parts)
    given = {**shared, "train": train, "slack": parts[0].slack, "closed": closed, "cones": cones}
    chunks = []
    for place in open_:
        of = 2 if len(numbers(parts[place].generators)) > FEW else 1
        mine = {**given, "side": parts[place].side, "of": of}
        chunks += [Chunk("cones", {**mine, "part": part}, (train, first + place)) for part in range(of)]
    return chunks


def report(arguments: Mapping[str, Json], arrays: Arrays, inputs: Sequence[Json]) -> ReluMinimaAnswer:
    """The answer from the last network that was trained."""
    last = ReluState.model_validate(next(part for part in reversed(inputs) if "done" in part))
    objective = _objective(arguments, arrays)
    units = HiddenUnits(_rows(last.w, objective.x.shape[1]), numbers(last.signs), numbers(last.free))
    return mapping.to_wire(arguments["head"], objective, units, last)


def _objective(arguments: Mapping[str, Json], arrays: Arrays) -> Objective:
    x, y, free = (np.asarray(arrays[name], dtype=np.float64) for name in ("x", "y", "free"))
    loss = LOSSES[Loss(arguments["loss"])](y, arguments["parameter"])
    beta, slope, ridge, excess = (float(arguments[name]) for name in ("beta", "slope", "ridge", "excess"))
    return Objective(x, loss, beta, slope, free, ridge, excess)


def _trainer(objective: Objective, state: ReluState, arguments: Mapping[str, Json]) -> Trainer:
    dimension = objective.x.shape[1]
    units = HiddenUnits(_rows(state.w, dimension), numbers(state.signs), numbers(state.free))
    known = _rows(state.known, dimension)
    return Trainer(objective, float(arguments["tolerance"]), units, known, int(arguments["seed"]))


def _state(
    trainer: Trainer,
    dual: DualBound,
    critical: float | None,
    missing: tuple[FloatArray, float, float] | None,
    *,
    slack: float,
    cones: int,
    searches: int,
    over: bool,
    relaxed: bool = False,
) -> ReluState:
    units, gap = trainer.network, _gap(trainer.objective, trainer.value, dual.bound)
    direction, sign, correlation = (np.zeros(0), 0.0, 0.0) if missing is None else missing
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
        done=over or gap <= trainer.tolerance,
    )


def _gap(objective: Objective, value: float, bound: float) -> float:
    return (value - bound) / max(abs(value), floor_of(objective), 1e-300)


def _rows(values: Any, width: int) -> FloatArray:
    """Rows of a part, which may have none."""
    return numbers(values).reshape(-1, width)


WORK: Final = Work(
    relu_plan,
    {"train": compute_training, "relaxed": compute_relaxed, "cones": compute_cones, "follow": follow, "answer": report},
    longest_chunk_s=60.0,
)
