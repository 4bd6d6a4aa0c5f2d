"""Bounds of ReLU networks as a plan: starts side by side, a proof from the best of them, and what it found missing."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Final

import numpy as np

from service.core.losses.dense import DenseParameters, flatten, unflatten
from service.core.relu_bounds.critical import critical_beta
from service.core.relu_bounds.descent import nothing
from service.core.relu_bounds.form import examined
from service.core.relu_bounds.proofs import Proof
from service.core.relu_bounds.search import ROUNDS, STARTS, BoundedSearch
from service.operations.cost import bounded_relu_s
from service.operations.mapping import relu_bounds as mapping
from service.operations.mapping.problem import MappedProblem
from service.operations.plans.columns import numbers
from service.operations.plans.packing import pack, unpack
from service.operations.plans.plan import Arrays, Chunk, ChunkFunction, Json, Plan
from service.schemas.parts_relu import BoundedReluState
from service.schemas.relu import ReluMinimaAnswer, ReluMinimaRequest

PREFIX: Final = "bounds_"
"""Of the names of this plan's functions, which stand beside those of the certified search."""
SHARED: Final = ("packed", "most", "tolerance", "loss_per_sum")


def bounds_plan(request: ReluMinimaRequest, mapped: MappedProblem) -> Plan:
    """Plan the bounds of a problem that is mapped already.

    Raises
    ------
    NotCovered
        Naming the hypotheses that fail.
    LimitExceeded
        If a run of training would hold more numbers than the limits allow.
    """
    findings = examined(mapped.core)
    search = BoundedSearch(mapped.core, request.effort)
    packed, arrays = pack(mapped.core)
    head = mapping.heading(request, mapped, search, findings)
    arguments: dict[str, Json] = {
        "packed": packed,
        "most": max(1, request.effort // (ROUNDS + 1)),
        "tolerance": request.tolerance,
        "loss_per_sum": head.loss_per_sum,
        "head": asdict(head),
    }
    cost = bounded_relu_s(mapped.core, request.effort)
    first = Chunk(f"{PREFIX}outset", {name: arguments[name] for name in SHARED})
    return Plan([first], f"{PREFIX}answer", arguments, arrays, cost, f"{PREFIX}follow", anytime=True)


def compute_outset(arguments: Mapping[str, Json], arrays: Arrays, _inputs: Sequence[Json]) -> BoundedReluState:
    """A network and a bound without a search."""
    search = _search(arguments, arrays)
    parameters, proof = search.outset()
    return _state(arguments, search, parameters, proof, stage="outset")


def compute_start(arguments: Mapping[str, Json], arrays: Arrays, inputs: Sequence[Json]) -> BoundedReluState:
    """The network that one start ends at, if it is better than what is known."""
    search, before = _search(arguments, arrays), BoundedReluState.model_validate(inputs[0])
    parameters = min(_parameters(search, before), search.start(int(arguments["seed"])), key=search.value)
    return _state(arguments, search, parameters, _proof(before), stage="start")


def compute_proof(arguments: Mapping[str, Json], arrays: Arrays, inputs: Sequence[Json]) -> BoundedReluState:
    """The bound from the best network among some."""
    search, states = _search(arguments, arrays), [BoundedReluState.model_validate(each) for each in inputs]
    best = min(states, key=lambda one: one.value)
    parameters = _parameters(search, best)
    found, missing, cones = search.proof(parameters, 0.1 * float(arguments["tolerance"]))
    proof = max([found, *map(_proof, states)], key=lambda one: one.bound)
    critical = states[0].critical if best.searches else critical_beta(search)
    return _state(
        arguments,
        search,
        parameters,
        proof,
        stage="proof",
        missing=missing,
        cones=best.cones + cones,
        searches=best.searches + 1,
        critical=critical,
    )


def compute_improved(arguments: Mapping[str, Json], arrays: Arrays, inputs: Sequence[Json]) -> BoundedReluState:
    """Insert what a proof found missing."""
    search, before = _search(arguments, arrays), BoundedReluState.model_validate(inputs[0])
    parameters = _parameters(search, before)
    width = search.form.objective.x.shape[1]
    improved = search.improved(parameters, numbers(before.missing).reshape(-1, width))
    parameters = min(parameters, improved, key=search.value)
    return _state(
        arguments,
        search,
        parameters,
        _proof(before),
        stage="improved",
        cones=before.cones,
        searches=before.searches,
        critical=before.critical,
    )


def follow(arguments: Mapping[str, Json], _arrays: Arrays, inputs: Sequence[Json]) -> list[Chunk]:
    """The next chunks after those of the last round."""
    shared = {name: arguments[name] for name in SHARED}
    states, index = [BoundedReluState.model_validate(each) for each in inputs], int(arguments["next_index"])
    last = states[-1]
    if last.gap <= float(arguments["tolerance"]) and last.searches:
        return []
    if last.stage == "outset":
        if last.gap <= float(arguments["tolerance"]):
            return [Chunk(f"{PREFIX}proof", shared, (index - 1,))]
        return [Chunk(f"{PREFIX}start", {**shared, "seed": seed}, (index - 1,)) for seed in range(STARTS)]
    if last.stage == "proof":
        more = len(numbers(last.missing)) and last.searches < ROUNDS
        return [Chunk(f"{PREFIX}improved", shared, (index - 1,))] if more else []
    if last.stage == "improved":
        return [Chunk(f"{PREFIX}proof", shared, (index - 1,))]
    return [Chunk(f"{PREFIX}proof", shared, tuple(range(index - len(states), index)))]


def report(arguments: Mapping[str, Json], arrays: Arrays, inputs: Sequence[Json]) -> ReluMinimaAnswer:
    """The answer from the best network and the best bound."""
    search, states = _search(arguments, arrays), [BoundedReluState.model_validate(each) for each in inputs]
    best, proved, last = (
        min(states, key=lambda one: one.value),
        max(states, key=lambda one: one.bound),
        max(states, key=lambda one: one.searches),
    )
    found = mapping.BoundedResult(
        _parameters(search, best), _proof(proved), max(one.cones for one in states), last.searches, last.critical
    )
    return mapping.to_wire(arguments["head"], search, found)


def _search(arguments: Mapping[str, Json], arrays: Arrays) -> BoundedSearch:
    return BoundedSearch(unpack(arguments["packed"], arrays), int(arguments["most"]))


def _parameters(search: BoundedSearch, state: BoundedReluState) -> DenseParameters:
    return unflatten(numbers(state.parameters), nothing(search.problem, steps=0))


def _proof(state: BoundedReluState) -> Proof:
    return Proof(state.rule, state.bound, np.atleast_2d(numbers(state.dual)), state.feature_bound)


def _state(
    arguments: Mapping[str, Json],
    search: BoundedSearch,
    parameters: DenseParameters,
    proof: Proof,
    *,
    stage: str,
    missing: object = (),
    cones: int = 0,
    searches: int = 0,
    critical: float | None = None,
) -> BoundedReluState:
    value, factor = search.value(parameters), float(arguments["loss_per_sum"])
    return BoundedReluState(
        parameters=np.asarray(flatten(parameters), dtype=np.float64),
        value=value,
        rule=proof.rule,
        bound=proof.bound,
        dual=proof.errors,
        feature_bound=proof.feature_bound,
        missing=np.asarray(missing, dtype=np.float64).reshape(-1, search.form.objective.x.shape[1]),
        cones=cones,
        searches=searches,
        gap=search.gap(parameters, proof),
        loss=factor * value,
        lower_bound=factor * proof.bound,
        critical=critical,
        stage=stage,
    )


FUNCTIONS: Final[Mapping[str, ChunkFunction]] = {
    f"{PREFIX}outset": compute_outset,
    f"{PREFIX}start": compute_start,
    f"{PREFIX}proof": compute_proof,
    f"{PREFIX}improved": compute_improved,
    f"{PREFIX}follow": follow,
    f"{PREFIX}answer": report,
}
