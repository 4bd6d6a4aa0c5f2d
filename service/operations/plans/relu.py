"""Certified ReLU minima as a plan that follows its results: train, search all cones in parts, train again.

The parts of a search are subtrees of one branch and bound; each goes on from the cones that the part before left open.
At any moment after its first chunk the plan has a network and a bound, so that it can be cut.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Final

import numpy as np

from service.core.ground.stopping import should_stop, stopped_after
from service.core.relu.both_signs import SIGNS
from service.core.relu.cones import SimplicialCones
from service.core.relu.corners import SharedCones
from service.core.relu.critical import CRITICAL_CONES, MOST_RANK, critical_beta
from service.core.relu.dual import DualBound, crude_dual
from service.core.relu.form import examined, form_of
from service.core.relu.minimum import RELAXED_RANK, RELAXED_ROUNDS, CertifiedLoop, slack_after
from service.core.relu.networks import Objective
from service.core.relu.planar import PLANE, largest_on_plane
from service.core.relu.relaxed import relaxed_bounds
from service.core.relu.rows import Span
from service.core.relu.search import ConeSearch, Largest, turned
from service.core.relu.training.trainer import Trainer
from service.errors import NotCovered
from service.operations.cost import relu_s
from service.operations.mapping import problem as problem_mapping
from service.operations.mapping import relu as mapping
from service.operations.mapping.locations import located
from service.operations.mapping.relu_objective import from_arguments, to_arguments
from service.operations.plans import relu_bounds
from service.operations.plans import relu_states as states
from service.operations.plans.columns import numbers
from service.operations.plans.plan import Arrays, Chunk, Json, Plan, Work
from service.operations.plans.relu_bounds import bounds_plan
from service.operations.plans.relu_path import betas_of, path_of
from service.operations.plans.relu_states import rows_of
from service.schemas.parts_relu import ReluCones, ReluKnot, ReluState
from service.schemas.relu import ReluMinimaAnswer, ReluMinimaRequest
from service.settings import Limits

CONES: Final = 6_000
"""Cones that a chunk of the first wave bounds: what is missing is mostly found among them."""
MORE_CONES: Final = 90_000
"""Cones that a chunk of a later wave bounds: some 0.7 s of a core, or 6 s without the compiled kernel."""
PARTS: Final = 4
"""Parts of the space of each sign that are searched side by side."""
FEW: Final = 600
"""Open cones up to which the rest of a search stays in one part."""
BRIEFLY: Final = 40
"""Questions whether to stop after which the first training is broken off: a network within a second or so."""
SHARED: Final = ("objective", "loss_per_sum", "rank", "tolerance", "effort", "seed")


def relu_plan(request: ReluMinimaRequest, limits: Limits) -> Plan:
    """Plan a search.

    Raises
    ------
    InputError, LimitExceeded
        Locations from the root of the request.
    NotCovered
        Naming the hypotheses that fail.
    """
    with located(("problem",)):
        mapped = problem_mapping.to_core(request.problem, limits, relu=True)
    try:
        findings = examined(mapped.core)
    except NotCovered as error:
        if request.path is not None:
            raise
        try:
            return bounds_plan(request, mapped)
        except NotCovered as other:
            raise NotCovered([*error.attempts, *other.attempts]) from None
    parameter = mapping.parameter_of(request.problem)
    form = form_of(mapped.core, parameter)
    objective = form.objective
    given, arrays = to_arguments(objective, request.problem.objective.loss, parameter)
    head = mapping.heading(request, mapped, form, findings)
    arguments: dict[str, Json] = {
        "objective": given,
        "loss_per_sum": head.loss_per_sum,
        "rank": Span.of(objective.x).dimension,
        "tolerance": request.tolerance,
        "effort": request.effort,
        "seed": request.seed,
        "head": asdict(head),
        "betas": [] if request.path is None else betas_of(request.path, head.decay_per_beta),
    }
    first = Chunk("start", {name: arguments[name] for name in SHARED})
    cost = relu_s(len(objective.x), int(objective.x.shape[1]), request.effort) * (1 + len(arguments["betas"]))
    return Plan([first], "answer", arguments, arrays, cost, "follow", anytime=True)


def compute_start(arguments: Mapping[str, Json], arrays: Arrays, _inputs: Sequence[Json]) -> ReluState:
    """The network without units and a bound without a search: an answer, if nothing else is known in time."""
    objective = from_arguments(arguments["objective"], arrays)
    trainer = Trainer(objective, float(arguments["tolerance"]), seed=int(arguments["seed"]))
    return states.state_of(arguments, trainer, crude_dual(objective, trainer.errors()), trained=0)


def compute_training(arguments: Mapping[str, Json], arrays: Arrays, inputs: Sequence[Json]) -> ReluState:
    """Bound by what the last search has proved, insert what it found missing, and train."""
    objective, before = from_arguments(arguments["objective"], arrays), ReluState.model_validate(inputs[0])
    if len(inputs) == 1:
        return _trained_first(arguments, objective, before)
    tolerance, parts = float(arguments["tolerance"]), [ReluCones.model_validate(part) for part in inputs[1:]]
    errors, dual = numbers(before.errors), states.better(objective, before, parts)
    trainer = states.trainer_of(objective, before, arguments)
    directions = np.concatenate([rows_of(part.directions, objective.x.shape[1]) for part in parts])
    signs = np.concatenate([np.full(len(numbers(part.values)), SIGNS[part.side]) for part in parts])
    gap = states.gap_of(trainer.objective, trainer.value, dual.bound)
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
    return states.state_of(
        arguments,
        trainer,
        dual,
        critical=before.critical,
        missing=missing,
        slack=slack,
        cones=cones,
        searches=before.searches + 1,
        over=stuck or cones >= float(arguments["effort"]),
        relaxed=True,
    )


def _trained_first(arguments: Mapping[str, Json], objective: Objective, before: ReluState) -> ReluState:
    """Train from nothing, at first for a moment, so that there is a network to show; then to the end."""
    trainer = Trainer(objective, float(arguments["tolerance"]), seed=int(arguments["seed"]))
    if before.trained == 0:
        with stopped_after(BRIEFLY) as broken_off:
            trainer.train()
        trained = 1 if broken_off() else 2
    else:
        trainer.train()
        briefly, trained = states.trainer_of(objective, before, arguments), 2
        trainer = briefly if briefly.value < trainer.value else trainer
    known = DualBound(before.bound, numbers(before.dual), before.feature_bound)
    dual = max(known, crude_dual(objective, trainer.errors()), key=lambda one: one.bound)
    critical = critical_beta(objective, CRITICAL_CONES) if trained == 2 else None
    return states.state_of(
        arguments,
        trainer,
        dual,
        critical=critical.value if critical is not None and critical.is_known else None,
        over=trained == 2 and not 0 < int(arguments["rank"]) <= MOST_RANK,
        trained=trained,
    )


def compute_cones(arguments: Mapping[str, Json], arrays: Arrays, inputs: Sequence[Json]) -> ReluCones:
    """Bound some cones of one part of the space."""
    objective = from_arguments(arguments["objective"], arrays)
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
        left = states.open_of(ReluCones.model_validate(inputs[1]), dimension)
        cones = SimplicialCones.spanned(left.part(part, of).generators)
    else:
        cones = turned(rows)
        cones = cones[slice(part * len(cones) // of, (part + 1) * len(cones) // of)]
    target = objective.beta * (1.0 + float(arguments["slack"]))
    search = ConeSearch(rows, target, missing=missing, rtol=float(arguments["slack"]), cones=cones)
    search.run(most=max(CONES if len(inputs) == 1 else MORE_CONES, len(cones)), stop=should_stop)
    return _told(arguments, search.result(), search)


def _told(arguments: Mapping[str, Json], found: Largest, search: ConeSearch | None) -> ReluCones:
    """What a part has found, with what it leaves open."""
    left = SharedCones.of(np.zeros((0, 1, 1)) if search is None else search.open_cones.generators)
    # a search that was told to stop before it looked at every cone knows no bound: nothing is proved by it
    bound = found.bound if np.isfinite(found.bound) else 1e300
    return ReluCones(
        train=int(arguments["train"]),
        side=int(arguments["side"]),
        slack=float(arguments["slack"]),
        closed=max(float(arguments["closed"]), bound if search is None else search.closed_bound),
        value=found.value,
        directions=found.directions[:100],
        values=found.values[:100],
        vertices=left.vertices,
        corners=left.corners,
        open_bound=bound if len(left) else 0.0,
        cones=found.cones,
        cones_before=int(arguments["cones"]),
        places=int(arguments["places"]),
    )


def compute_relaxed(arguments: Mapping[str, Json], arrays: Arrays, inputs: Sequence[Json]) -> ReluState:
    """A better bound without cones."""
    objective, state = from_arguments(arguments["objective"], arrays), ReluState.model_validate(inputs[0])
    trainer = states.trainer_of(objective, state, arguments)
    dual = DualBound(state.bound, numbers(state.dual), state.feature_bound)
    for found in relaxed_bounds(trainer.objective, trainer.network, RELAXED_ROUNDS):
        dual = found if found.bound > dual.bound else dual
    over = int(arguments["rank"]) > MOST_RANK
    return states.state_of(arguments, trainer, dual, critical=state.critical, over=over, relaxed=True)


def follow(arguments: Mapping[str, Json], _arrays: Arrays, inputs: Sequence[Json]) -> list[Chunk]:
    """The next chunks after those of the last round: a search of all parts, its next wave, or training."""
    shared = {name: arguments[name] for name in SHARED}
    index = int(arguments["next_index"])
    if "knot" in inputs[0]:
        return []
    if "done" in inputs[0]:
        return _after_training(arguments, shared, ReluState.model_validate(inputs[0]), index)
    parts = [ReluCones.model_validate(part) for part in inputs]
    train, first = parts[0].train, index - len(parts)
    cones = parts[0].cones_before + sum(part.cones for part in parts)
    open_ = [place for place, part in enumerate(parts) if part.open_bound > 0.0]
    found = any(len(numbers(part.values)) for part in parts)
    if not open_ or found or cones >= float(arguments["effort"]):
        return [Chunk("train", shared, (train, *range(first, index)))]
    closed = max(part.closed for part in parts)
    halves = {place: 2 if len(numbers(parts[place].corners)) > FEW else 1 for place in open_}
    places = sum(halves.values())
    given = {**shared, "train": train, "slack": parts[0].slack, "closed": closed, "cones": cones, "places": places}
    chunks = []
    for place, of in halves.items():
        mine = {**given, "side": parts[place].side, "of": of}
        chunks += [Chunk("cones", {**mine, "part": part}, (train, first + place)) for part in range(of)]
    return chunks


def _after_training(
    arguments: Mapping[str, Json], shared: Mapping[str, Json], state: ReluState, index: int
) -> list[Chunk]:
    if state.trained < 2:
        return [Chunk("train", shared, (index - 1,))]
    rank = int(arguments["rank"])
    if rank >= RELAXED_RANK and not state.relaxed:
        return [Chunk("relaxed", shared, (index - 1,))]
    if state.done:
        return [Chunk("knot", {**shared, "beta": beta}, (index - 1,)) for beta in arguments["betas"]]
    parts_of = 1 if rank <= PLANE else PARTS
    places = [(side, part) for side in range(len(SIGNS)) for part in range(parts_of)]
    slack = slack_after(state.slack, state.gap, float(arguments["tolerance"]))
    given = {**shared, "train": index - 1, "slack": slack, "closed": 0.0, "cones": state.cones}
    given |= {"of": parts_of, "places": len(places)}
    return [Chunk("cones", {**given, "side": side, "part": part}, (index - 1,)) for side, part in places]


def compute_knot(arguments: Mapping[str, Json], arrays: Arrays, inputs: Sequence[Json]) -> ReluKnot:
    """Network and bound at another decay, from the network that is known."""
    objective, state = from_arguments(arguments["objective"], arrays), ReluState.model_validate(inputs[0])
    there = replace(objective, beta=float(arguments["beta"]))
    tolerance, effort = float(arguments["tolerance"]), int(arguments["effort"])
    loop = CertifiedLoop(there, tolerance, effort, int(arguments["seed"]), states.units_of(objective, state))
    found, factor = loop.run(), float(arguments["loss_per_sum"])
    return ReluKnot(
        knot=there.beta,
        w=found.units.w,
        signs=found.units.signs,
        free=found.units.free,
        dual=found.dual.errors,
        feature_bound=found.dual.feature_bound,
        loss=factor * found.value,
        lower_bound=factor * found.dual.bound,
    )


def report(arguments: Mapping[str, Json], arrays: Arrays, inputs: Sequence[Json]) -> ReluMinimaAnswer:
    """The answer from the last network that was trained, and from what was searched since."""
    objective = from_arguments(arguments["objective"], arrays)
    searched = [one for one in inputs if "knot" not in one]
    last = states.last_of(objective, searched)
    answer = mapping.to_wire(arguments["head"], objective, states.units_of(objective, last), last)
    if not arguments["betas"]:
        return answer
    path = path_of(arguments, objective, last, [ReluKnot.model_validate(one) for one in inputs if "knot" in one])
    return answer.model_copy(update={"path": path})


WORK: Final = Work(
    relu_plan,
    {
        "start": compute_start,
        "train": compute_training,
        "relaxed": compute_relaxed,
        "cones": compute_cones,
        "knot": compute_knot,
        "follow": follow,
        "answer": report,
        **relu_bounds.FUNCTIONS,
    },
    longest_chunk_s=60.0,
)
