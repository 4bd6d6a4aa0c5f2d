"""Races as a plan: chunks of a few runs of one optimiser from one scheme; the reducer counts and advises."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import product
from typing import Any, Final

import numpy as np

from service.core.dispatch import solve
from service.core.dynamics.races import OUTCOMES, race, wilson_interval
from service.core.dynamics.target import target_of
from service.core.dynamics.training import TrainingOptions, curve_steps
from service.core.problems import Problem, shapes_of
from service.errors import InputError, LimitExceeded
from service.operations.mapping import problem as problem_mapping
from service.operations.mapping.hashing import problem_hash
from service.operations.mapping.locations import located
from service.operations.plans.chunks import Arrays, ChunkedPlan, ChunkFunction, Json, Lazy, NamedChunk, with_nulls
from service.operations.plans.packing import pack, unpack
from service.schemas.network import GaussianNoise
from service.schemas.races import RacesRequest
from service.settings import Limits
from service.version import ENGINE_VERSION
from service.vocabulary import Activation, Initialisation, Loss, Optimiser, Outcome

CHUNK_S: Final = 1.0
# measured on one core: one layer of one step, once for all runs and for each run
LAYER_STEP_S: Final = 5e-5
RUN_LAYER_STEP_S: Final = 5e-6
PER_PRODUCT_S: Final = 4e-10


def races_plan(request: RacesRequest, limits: Limits) -> ChunkedPlan:
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
        mapped = problem_mapping.to_core(request.problem, limits)
        _check(mapped.core, limits)
        target = target_of(mapped.core, _solved(mapped.core))
    options = _options(request, mapped.scaling.loss)
    if any(options.samples_gradients(optimiser) for optimiser in optimisers) and mapped.core.samples is None:
        raise InputError.at(("problem", "data", "kind"), "must have samples: moments alone cannot be sampled")
    together = _runs_a_chunk(mapped.core, request.steps)
    packed, arrays = pack(mapped.core)
    shared = {"problem": packed, "options": asdict(options)}
    pairs = list(product(schemes, optimisers))
    each = -(-request.runs // together)

    def chunk(index: int) -> NamedChunk:
        scheme, optimiser = pairs[index // each]
        first = index % each * together
        mine = {"optimiser": optimiser, "initialisation": scheme}
        return NamedChunk("runs", {**shared, **mine, "first": first, "last": min(first + together, request.runs)})

    header = {
        "solver": _solved(mapped.core).solution.solver,
        "minimum": target.floor * mapped.scaling.loss,
        "trivial": target.trivial,
        "escape_norm": target.escape_norm,
        "convention": request.problem.objective.convention,
        "reasons": {} if target.escape_norm is not None else {"escape_norm": target.escape_reason},
        "engine_version": ENGINE_VERSION,
        "problem_hash": problem_hash(request.problem),
    }
    arguments = {
        "header": header,
        "pairs": [list(pair) for pair in pairs],
        "chunks_a_pair": each,
        "steps": request.steps,
        "loss_scale": mapped.scaling.loss,
    }
    cost = runs * _seconds(mapped.core, request.steps, together) / together
    return ChunkedPlan(Lazy(len(pairs) * each, chunk), "advise", arguments, arrays, cost)


def _check(problem: Problem, limits: Limits) -> None:
    network = problem.network
    if problem.moments is None:
        raise InputError.at(("data", "kind"), "must not be none: training needs data")
    for index, layer in enumerate(network.layers):
        if layer.activation is not Activation.LINEAR or layer.frozen_weights is not None:
            raise InputError.at(("network", "layers", index), "must be linear and trained: races know no other layers")
    if network.skips:
        raise InputError.at(("network", "skips"), "must be empty: races know no skips")
    if problem.loss is not Loss.SQUARED:
        raise InputError.at(("objective", "loss"), "must be squared: races know no other loss")
    weights = sum(rows * columns for rows, columns in shapes_of(network, problem.data.inputs))
    if weights > limits.max_race_weights:
        raise LimitExceeded(("network", "layers"), "max_race_weights", limits.max_race_weights, "weights")
    if _solved(problem).solution.minimum.parameters is None:
        raise InputError.at(("network", "layers"), "has an infimum that no weights attain: there is nowhere to arrive")


def _solved(problem: Problem) -> Any:
    """The solution, computed once a problem."""
    if "races.solution" not in problem.memo:
        problem.memo["races.solution"] = solve(problem)
    return problem.memo["races.solution"]


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
    products = sum(6.0 * rows * columns * max(rows, columns) for rows, columns in shapes)
    each = RUN_LAYER_STEP_S * len(shapes) + PER_PRODUCT_S * products
    return steps * (LAYER_STEP_S * len(shapes) + runs * each)


def compute_runs(arguments: Mapping[str, Json], arrays: Arrays, _inputs: Sequence[Json]) -> Json:
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
    target = target_of(problem, _solved(problem))
    optimiser = Optimiser(arguments["optimiser"])
    runs = range(int(arguments["first"]), int(arguments["last"]))
    found = race(problem, target, optimiser, Initialisation(arguments["initialisation"]), runs, settings)
    diverged = found.outcome == OUTCOMES.index(Outcome.DIVERGED)
    rates = np.where(optimiser is Optimiser.LBFGS, np.nan, found.learning_rate)
    reached = np.where(found.reached < 0, np.nan, found.reached)
    return {
        "outcome": [OUTCOMES[code] for code in found.outcome],
        "gap": with_nulls(np.where(diverged, np.nan, found.gap)),
        "start_norm": found.start_norm.tolist(),
        "end_norm": found.end_norm.tolist(),
        "trapped": found.trapped.tolist(),
        "gradient_norm": found.gradient_norm.tolist(),
        "least_hessian_eigenvalue": with_nulls(found.least_hessian_eigenvalue),
        "learning_rate": with_nulls(rates),
        "steps_to_1e_3": _whole(with_nulls(reached[:, 0])),
        "steps_to_1e_6": _whole(with_nulls(reached[:, 1])),
        "curve": with_nulls(target.relative_gap(found.curve)),
    }


def _whole(values: Sequence[float | None]) -> list[int | None]:
    return [None if value is None else int(value) for value in values]


def advise(arguments: Mapping[str, Json], _arrays: Arrays, inputs: Sequence[Json]) -> Json:
    """Put the runs together, count, and say what each scheme is good for."""
    each = int(arguments["chunks_a_pair"])
    groups = []
    for index, (scheme, optimiser) in enumerate(arguments["pairs"]):
        parts = inputs[index * each : (index + 1) * each]
        columns = {name: [value for part in parts for value in part[name]] for name in parts[0]}
        groups.append(_group(Initialisation(scheme), Optimiser(optimiser), columns, arguments))
    schemes = dict.fromkeys(Initialisation(scheme) for scheme, _ in arguments["pairs"])
    header = arguments["header"]
    advice = [
        _advice(scheme, [group for group in groups if group["initialisation"] == scheme], header) for scheme in schemes
    ]
    advice.sort(key=lambda one: -1.0 if one["success"] is None else -one["success"]["rate"])
    return {**header, "groups": groups, "advice": advice}


def _group(
    scheme: Initialisation, optimiser: Optimiser, columns: Mapping[str, list[Any]], arguments: Mapping[str, Json]
) -> dict[str, Json]:
    outcomes = Counter(str(outcome) for outcome in columns["outcome"])
    reasons: dict[str, str] = {}
    success: dict[str, Json] | None = _success(outcomes[Outcome.MINIMUM], len(columns["outcome"]))
    if outcomes[Outcome.DIFFERENT_OBJECTIVE]:
        success = None
        reasons["success"] = "decoupled decay rests where another objective is stationary: its gap is no failure"
    gaps = [gap for gap in columns["gap"] if gap is not None]
    if not gaps:
        reasons["median_gap"] = "every run diverged"
    if any(value is None for value in columns["least_hessian_eigenvalue"]):
        reasons["least_hessian_eigenvalue"] = (
            "null where a run did not rest away from the minimum, or the network is too large for a dense Hessian"
        )
    curve = np.array(columns["curve"], dtype=np.float64)
    runs = {name: values for name, values in columns.items() if name != "curve"}
    scale = float(arguments["loss_scale"])
    for name in ("gradient_norm", "least_hessian_eigenvalue"):
        runs[name] = [None if value is None else value * scale for value in runs[name]]
    # a learning rate multiplies the gradient of the caller's objective
    runs["learning_rate"] = [
        None if value is None else value / _rate_scale(optimiser, scale) for value in runs["learning_rate"]
    ]
    return {
        "optimiser": optimiser,
        "initialisation": scheme,
        "outcomes": dict(outcomes),
        "success": success,
        "median_gap": float(np.median(gaps)) if gaps else None,
        "curve": {"steps": curve_steps(int(arguments["steps"])).tolist(), **_quantiles(curve)},
        "runs": runs,
        "reasons": reasons,
    }


def _rate_scale(optimiser: Optimiser, scale: float) -> float:
    return scale if optimiser in (Optimiser.GD, Optimiser.SGD) else 1.0


def _quantiles(curve: np.ndarray[Any, np.dtype[np.float64]]) -> dict[str, Json]:
    found: dict[str, list[float | None]] = {"median": [], "lower_decile": [], "upper_decile": []}
    for column in curve.T:
        alive = column[np.isfinite(column)]
        numbers = np.quantile(alive, [0.5, 0.1, 0.9]).tolist() if alive.size else [None] * 3
        for name, number in zip(found, numbers, strict=True):
            found[name].append(number)
    return dict(found)


def _success(successes: int, runs: int) -> dict[str, Json]:
    interval = list(wilson_interval(successes, runs))
    return {"successes": successes, "runs": runs, "rate": successes / runs, "interval": interval}


def _advice(
    scheme: Initialisation, groups: Sequence[Mapping[str, Json]], header: Mapping[str, Json]
) -> dict[str, Json]:
    runs = len(groups[0]["runs"]["trapped"])
    counted = [group["success"] for group in groups if group["success"] is not None]
    success = (
        _success(sum(one["successes"] for one in counted), sum(one["runs"] for one in counted)) if counted else None
    )
    best = max(
        (group for group in groups if group["success"] is not None),
        key=lambda group: group["success"]["rate"],
        default=None,
    )
    reasons = (
        {} if counted else {"success": "only decoupled decay raced", "best_optimiser": "only decoupled decay raced"}
    )
    if header["escape_norm"] is None:
        starts, trapped = "unknown", None
        reasons["trapped"] = header["reasons"]["escape_norm"]
    else:
        trapped = sum(groups[0]["runs"]["trapped"])
        starts = "inside" if trapped == runs else "mixed" if trapped else "outside"
    return {
        "initialisation": scheme,
        "starts": starts,
        "trapped": trapped,
        "runs": runs,
        "success": success,
        "best_optimiser": None if best is None else best["optimiser"],
        "text": _text(scheme, starts, trapped, runs, success, trivial=bool(header["trivial"])),
        "reasons": reasons,
    }


def _text(
    scheme: Initialisation,
    starts: str,
    trapped: int | None,
    runs: int,
    success: Mapping[str, Json] | None,
    *,
    trivial: bool,
) -> str:
    """One sentence on what is proved, one on what was observed."""
    if starts == "unknown":
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
    low, high = success["interval"]
    return (
        f"{proved} Observed: {success['successes']} of {success['runs']} runs reached the minimum "
        f"({100 * success['rate']:.0f} %, 95 % interval {100 * low:.0f} to {100 * high:.0f} %)."
    )


FUNCTIONS: Final[Mapping[str, ChunkFunction]] = {"runs": compute_runs, "advise": advise}
"""Every function that the plan names."""
