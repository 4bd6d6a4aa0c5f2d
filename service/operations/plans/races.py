"""Races as a plan: chunks of a few runs of one optimiser from one scheme."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import product
from typing import Final

import numpy as np

from service.core.dispatch import solve
from service.core.dynamics.races import OUTCOMES, race
from service.core.dynamics.target import target_of
from service.core.dynamics.training import TrainingOptions
from service.core.ground.problems import Problem, shapes_of
from service.core.ground.results import Minima
from service.core.relu.form import NAME
from service.errors import InputError, LimitExceeded
from service.operations.guards import finite_answer
from service.operations.magnitudes import blamed_on_fields, extremes_of
from service.operations.mapping import problem as problem_mapping
from service.operations.mapping.hashing import problem_hash
from service.operations.mapping.locations import located
from service.operations.plans.columns import with_nulls
from service.operations.plans.packing import pack, unpack
from service.operations.plans.plan import Arrays, Chunk, Json, Lazy, Plan, Work
from service.operations.plans.race_advice import RaceHeading, advise
from service.operations.plans.relu_races import (
    NO_RADIUS,
    RECTIFIERS,
    advise_rectified,
    check_rectified,
    compute_floor,
    floor_s,
    is_rectified,
    target_of_floor,
)
from service.schemas.network import GaussianNoise
from service.schemas.parts import RacedRuns, RaceFloor
from service.schemas.races import RacesRequest
from service.settings import Limits
from service.version import ENGINE_VERSION
from service.vocabulary import Activation, Initialisation, Loss, Optimiser, Outcome

CHUNK_S: Final = 1.0
# measured on one core: one layer of one step, once for all runs and for each run
LAYER_STEP_S: Final = 5e-5
RUN_LAYER_STEP_S: Final = 5e-6
PER_PRODUCT_S: Final = 4e-10


def races_plan(request: RacesRequest, limits: Limits) -> Plan:
    """Cut a race into chunks.

    Raises
    ------
    InputError, LimitExceeded
        Before any step is made; locations from the root of the request.
    NotCovered
        If the minimum is not known.
    """
    optimisers, schemes = list(dict.fromkeys(request.optimisers)), list(dict.fromkeys(request.initialisations))
    runs = len(optimisers) * len(schemes) * request.runs
    if runs > limits.max_race_runs:
        raise LimitExceeded(("runs",), "max_race_runs", limits.max_race_runs, "runs of all optimisers and schemes")
    if runs * request.steps > limits.max_race_steps:
        raise LimitExceeded(("runs",), "max_race_steps", limits.max_race_steps, "steps of all runs")
    with located(("problem",)):
        mapped = problem_mapping.to_core(request.problem, limits, relu=_has_rectifiers(request))
        rectified = is_rectified(mapped.core)
        _check(mapped.core, limits, rectified=rectified)
        known = _Known() if rectified else _Known.of(mapped.core)
    options = _options(request, mapped.scaling.loss)
    if any(options.samples_gradients(optimiser) for optimiser in optimisers) and mapped.core.samples is None:
        raise InputError.at(("problem", "data", "kind"), "must have samples: moments alone cannot be sampled")
    together = _runs_a_chunk(mapped.core, request.steps)
    packed, arrays = pack(mapped.core)
    shared = {"problem": packed, "options": asdict(options)}
    pairs = list(product(schemes, optimisers))
    each = -(-request.runs // together)

    def chunk(index: int) -> Chunk:
        scheme, optimiser = pairs[index // each]
        first = index % each * together
        mine = {"optimiser": optimiser, "initialisation": scheme}
        cut = {**shared, **mine, "first": first, "last": min(first + together, request.runs)}
        return Chunk("runs", cut, (0,) if rectified else ())

    def chunk_after_floor(index: int) -> Chunk:
        return chunk(index - 1) if index else Chunk("floor", {"problem": packed})

    with blamed_on_fields(partial(extremes_of, request.problem, mapped, ("problem",))), finite_answer():
        heading = RaceHeading(
            solver=known.solver,
            minimum=known.floor * mapped.scaling.loss,
            trivial=known.trivial,
            escape_norm=known.escape_norm,
            convention=request.problem.objective.convention,
            reasons={} if known.escape_norm is not None else {"escape_norm": known.escape_reason},
            engine_version=ENGINE_VERSION,
            problem_hash=problem_hash(request.problem),
        )
    arguments = {
        "heading": heading.model_dump(mode="json"),
        "pairs": [list(pair) for pair in pairs],
        "chunks_a_pair": each,
        "steps": request.steps,
        "loss_scale": mapped.scaling.loss,
    }
    cost = runs * _seconds(mapped.core, request.steps, together) / together
    if rectified:
        chunks = Lazy(len(pairs) * each + 1, chunk_after_floor)
        return Plan(chunks, "advise_rectified", arguments, arrays, cost + floor_s(mapped.core))
    return Plan(Lazy(len(pairs) * each, chunk), "advise", arguments, arrays, cost)


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of the floor before any chunk; of ReLU networks the first chunk finds it."""

    solver: str = NAME
    floor: float = 0.0
    trivial: bool = False
    escape_norm: float | None = None
    escape_reason: str = NO_RADIUS

    @classmethod
    def of(cls, problem: Problem) -> "_Known":
        found = _solved(problem)
        target = target_of(problem, found)
        return cls(found.solution.solver, target.floor, target.trivial, target.escape_norm, target.escape_reason)


def _has_rectifiers(request: RacesRequest) -> bool:
    return any(layer.activation in RECTIFIERS for layer in request.problem.network.layers)


def _check(problem: Problem, limits: Limits, *, rectified: bool) -> None:
    network = problem.network
    if problem.moments is None:
        raise InputError.at(("data", "kind"), "must not be none: training needs data")
    weights = sum(rows * columns for rows, columns in shapes_of(network, problem.data.inputs))
    if weights > limits.max_race_weights:
        raise LimitExceeded(("network", "layers"), "max_race_weights", limits.max_race_weights, "weights")
    if rectified:
        check_rectified(problem)
        return
    for index, layer in enumerate(network.layers):
        if layer.activation is not Activation.LINEAR or layer.frozen_weights is not None:
            raise InputError.at(
                ("network", "layers", index),
                "must be linear and trained, or a two-layer ReLU network: races support no other layers",
            )
    if network.skips:
        raise InputError.at(("network", "skips"), "must be empty: races do not support skips")
    if problem.loss is not Loss.SQUARED:
        raise InputError.at(("objective", "loss"), "must be squared: races support no other loss")
    if _solved(problem).solution.minimum.parameters is None:
        raise InputError.at(("network", "layers"), "has an infimum that no weights attain, so that no run can reach it")


def _solved(problem: Problem) -> Minima:
    """The solution, computed once a problem."""
    return problem.once("races.minimum", lambda: solve(problem))


def _options(request: RacesRequest, unit: float) -> TrainingOptions:
    noises = [request.problem.network.input_noise, *(layer.noise for layer in request.problem.network.layers[:-1])]
    return TrainingOptions(
        steps=request.steps,
        learning_rate=request.learning_rate,
        batch_size=request.batch_size,
        sampled=request.sampled,
        gaussian=tuple(isinstance(noise, GaussianNoise) for noise in noises),
        seed=request.seed,
        unit=unit,
    )


def _runs_a_chunk(problem: Problem, steps: int) -> int:
    """As many runs as fit into the time of one chunk."""
    alone, pair = _seconds(problem, steps, 1), _seconds(problem, steps, 2)
    return int(np.clip(1 + (CHUNK_S - alone) / (pair - alone), 1, 64))


def _seconds(problem: Problem, steps: int, runs: int) -> float:
    """Seconds that so many runs take together."""
    shapes = shapes_of(problem.network, problem.data.inputs)
    samples = len(problem.samples.x) if problem.samples is not None and is_rectified(problem) else 0
    products = sum(6.0 * rows * columns * (samples or max(rows, columns)) for rows, columns in shapes)
    each = RUN_LAYER_STEP_S * len(shapes) + PER_PRODUCT_S * products
    return steps * (LAYER_STEP_S * len(shapes) + runs * each)


def compute_runs(arguments: Mapping[str, Json], arrays: Arrays, inputs: Sequence[Json]) -> RacedRuns:
    """Some runs of one optimiser from one scheme, in the core's convention."""
    problem = unpack(arguments["problem"], arrays)
    options = dict(arguments["options"])
    settings = TrainingOptions(
        steps=int(options["steps"]),
        learning_rate=options["learning_rate"],
        batch_size=int(options["batch_size"]),
        sampled=bool(options["sampled"]),
        gaussian=tuple(bool(one) for one in options["gaussian"]),
        seed=int(options["seed"]),
        unit=float(options["unit"]),
    )
    if inputs:
        target = target_of_floor(problem, RaceFloor.model_validate(inputs[0]))
    else:
        target = target_of(problem, _solved(problem))
    optimiser = Optimiser(arguments["optimiser"])
    runs = range(int(arguments["first"]), int(arguments["last"]))
    found = race(problem, target, optimiser, Initialisation(arguments["initialisation"]), runs, settings)
    diverged = found.outcome == OUTCOMES.index(Outcome.DIVERGED)
    rates = np.where(optimiser is Optimiser.LBFGS, np.nan, found.learning_rate)
    reached = np.where(found.reached < 0, np.nan, found.reached)
    return RacedRuns(
        outcome=[OUTCOMES[code] for code in found.outcome],
        gap=with_nulls(np.where(diverged, np.nan, found.gap)),
        start_norm=found.start_norm.tolist(),
        end_norm=found.end_norm.tolist(),
        trapped=found.trapped.tolist(),
        gradient_norm=found.gradient_norm.tolist(),
        least_hessian_eigenvalue=with_nulls(found.least_hessian_eigenvalue),
        learning_rate=with_nulls(rates),
        steps_to_1e_3=_whole(with_nulls(reached[:, 0])),
        steps_to_1e_6=_whole(with_nulls(reached[:, 1])),
        curve=with_nulls(target.relative_gap(found.curve)),
    )


def _whole(values: Sequence[float | None]) -> list[int | None]:
    return [None if value is None else int(value) for value in values]


# one run is never cut, and may have many steps of many weights
WORK: Final = Work(
    races_plan,
    {"runs": compute_runs, "advise": advise, "floor": compute_floor, "advise_rectified": advise_rectified},
    longest_chunk_s=60.0,
)
