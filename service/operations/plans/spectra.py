"""Hessian spectra as a plan: the point, then blocks of columns, one exact chunk, or one chunk for each start."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from service.core.curvature.hessian import DENSE_LIMIT, dense_hessian, is_plain
from service.core.curvature.lanczos import density, lanczos
from service.core.curvature.spectrum import LARGEST, hessian_spectrum
from service.core.dynamics.initialisations import generator
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem
from service.core.losses.dense import unflatten
from service.core.pictures.objective import objective_of, shape_of, uses_moments
from service.errors import InputError
from service.operations.plans.packing import unpack
from service.operations.plans.picture_points import card, centre_of, compute_point
from service.operations.plans.picture_sizes import CHUNK_S, SLOPE, evaluation_s, weights_of
from service.operations.plans.pictures import Draft, draft
from service.operations.plans.plan import Arrays, Json, Plan, Work
from service.operations.plans.running import in_range
from service.schemas.spectra import SpectraRequest
from service.settings import Limits
from service.vocabulary import Evidence, SpectrumMethod

EXACT_WEIGHTS: Final = 1000
"""Weights of a nonlinear network up to which the whole Hessian is formed, column by column."""
STREAM: Final = 13
PRODUCT: Final = SLOPE + 2.0
PER_CUBIC_S: Final = 4e-10
ZERO: Final = 1e-8
KINK: Final = 1e-6
BROADENING: Final = 0.01
MARGIN: Final = 0.05
LEAST_SPREAD: Final = 1e-250
"""Below it all eigenvalues are drawn as one peak at zero: a density over so small a range would overflow."""


def spectra_plan(request: SpectraRequest, limits: Limits) -> Plan:
    """Cut a spectrum into chunks.

    Raises
    ------
    InputError, LimitExceeded
        Before anything is computed; locations from the root of the request.
    """
    plan = draft(request, request.problem, limits)
    point = plan.add_point(centre_of(request, plan.mapped, limits))
    problem = plan.mapped.core
    most = exact_limit(problem)
    weights = weights_of(problem)
    if request.method is SpectrumMethod.EXACT and weights > most:
        raise InputError.at(("method",), f"must be lanczos: the network has more than {most} weights")
    exact = request.method is not SpectrumMethod.LANCZOS and weights <= most
    if exact:
        _add_exact(plan, point, weights)
    else:
        _add_probes(plan, point, request)
    plan.check(limits, ("probes",))
    arguments = plan.arguments(
        exact=exact, weights=weights, points=request.points, broadening=request.broadening, problem=plan.packed
    )
    return Plan(plan.chunks, "spectrum", arguments, plan.arrays, plan.cost_s)


def exact_limit(problem: Problem) -> int:
    """Weights up to which all eigenvalues are computed."""
    if not uses_moments(problem):
        return EXACT_WEIGHTS
    return LARGEST if is_plain(problem) else DENSE_LIMIT


def _add_exact(plan: Draft, point: int, weights: int) -> None:
    if uses_moments(plan.mapped.core):
        plan.add("exact", {}, (point,), PER_CUBIC_S * weights**2 * min(weights, 100))
        return
    each = PRODUCT * evaluation_s(plan.mapped.core)
    together = int(np.clip(CHUNK_S / each, 1, weights))
    for first in range(0, weights, together):
        last = min(first + together, weights)
        plan.add("columns", {"first": first, "last": last}, (point,), (last - first) * each)
    plan.steps += weights
    plan.cost_s += PER_CUBIC_S * weights**3


def _add_probes(plan: Draft, point: int, request: SpectraRequest) -> None:
    steps = min(request.lanczos_steps, weights_of(plan.mapped.core))
    each = PRODUCT * evaluation_s(plan.mapped.core) * steps
    for number in range(request.probes):
        plan.add("probe", {"seed": request.seed, "number": number, "steps": steps}, (point,), each)
    plan.steps += request.probes * steps


def _point(inputs: Sequence[Json]) -> FloatArray:
    return np.asarray(inputs[0]["point"], dtype=np.float64)


def compute_exact(arguments: Mapping[str, Json], arrays: Arrays, inputs: Sequence[Json]) -> Json:
    """All eigenvalues of the Hessian of a linear network."""
    problem = unpack(arguments["problem"], arrays)
    parameters = unflatten(_point(inputs), shape_of(problem))
    if is_plain(problem):
        found = hessian_spectrum(problem, parameters.weights)
        return {"values": found.values, "error_bound": found.error_bound}
    return {"values": np.linalg.eigvalsh(dense_hessian(problem, parameters)), "error_bound": None}


def compute_columns(arguments: Mapping[str, Json], arrays: Arrays, inputs: Sequence[Json]) -> Json:
    """Some columns of the Hessian of a nonlinear network, one product each."""
    point = _point(inputs)
    product = objective_of(unpack(arguments["problem"], arrays)).products(point)
    columns = []
    for index in range(int(arguments["first"]), int(arguments["last"])):
        unit = np.zeros_like(point)
        unit[index] = 1.0
        columns.append(product(unit))
    return {"columns": np.array(columns)}


def compute_probe(arguments: Mapping[str, Json], arrays: Arrays, inputs: Sequence[Json]) -> Json:
    """One run of Lanczos from a random start."""
    point = _point(inputs)
    start = generator(int(arguments["seed"]), STREAM, int(arguments["number"])).normal(size=point.size)
    found = lanczos(objective_of(unpack(arguments["problem"], arrays)).products(point), start, int(arguments["steps"]))
    return {"values": found.values, "weights": found.weights, "residuals": found.residuals}


def spectrum(arguments: Mapping[str, Json], _arrays: Arrays, inputs: Sequence[Json]) -> Json:
    """Put the parts together: extremes, trace, shares by sign, density."""
    scale, size, points = float(arguments["loss_scale"]), int(arguments["weights"]), int(arguments["points"])
    parts = inputs[1:]
    if arguments["exact"]:
        told, nodes, weights = _of_all(parts, scale)
    else:
        told, nodes, weights = _of_probes(parts, scale, size)
    low, high = float(min(node[0] for node in nodes)), float(max(node[-1] for node in nodes))
    spread = max(high - low, 1e-6 * max(abs(high), abs(low)))
    if spread < LEAST_SPREAD:
        spread = 1.0
    width = float(np.clip(arguments["broadening"] or BROADENING * spread, spread / (100.0 * points), 1e3 * spread))
    grid = np.linspace(low - MARGIN * spread, high + MARGIN * spread, points)
    margin = inputs[0]["distance_from_kinks"]
    return {
        **told,
        "point": card(inputs[0], arguments),
        "weights": size,
        "shares": _shares(nodes, weights, max(abs(low), abs(high)) * ZERO),
        "density": {
            "eigenvalue": grid,
            "density": density(nodes, weights, grid, width),
            "broadening": width,
        },
        "smooth": margin is None or margin >= KINK,
        **arguments["header"],
    }


def _of_all(
    parts: Sequence[Mapping[str, Json]], scale: float
) -> tuple[dict[str, Json], list[FloatArray], list[FloatArray]]:
    """From all eigenvalues: those of a linear network, or of the assembled columns."""
    bound: float | None = None
    reasons = {"quadrature": "all eigenvalues are known"}
    if "values" in parts[0]:
        values = np.asarray(parts[0]["values"]) * scale
        bound = parts[0]["error_bound"]
    else:
        hessian = np.concatenate([np.asarray(part["columns"]) for part in parts])
        values = np.linalg.eigvalsh(0.5 * (hessian + hessian.T)) * scale
    if bound is None:
        reasons["error_bound"] = "the matrix was formed and diagonalised in double precision"
    error = None if bound is None else float(bound) * scale
    rounding = len(values) * float(np.finfo(float).eps) * float(np.max(np.abs(values)))
    told = {
        "method": SpectrumMethod.EXACT,
        "evidence": Evidence.OBSERVED if bound is None else Evidence.CERTIFIED,
        "largest": {"value": float(values[-1]), "residual": (error or 0.0) + rounding},
        "least": {"value": float(values[0]), "residual": (error or 0.0) + rounding},
        "trace": {
            "value": float(values.sum()),
            "standard_error": None,
            "reasons": {"standard_error": "all eigenvalues are known"},
        },
        "eigenvalues": values,
        "error_bound": error,
        "quadrature": None,
        "reasons": reasons,
    }
    return told, [values], [np.full(len(values), 1.0 / len(values))]


def _of_probes(
    parts: Sequence[Mapping[str, Json]], scale: float, size: int
) -> tuple[dict[str, Json], list[FloatArray], list[FloatArray]]:
    """From the quadratures of several starts."""
    nodes = [np.asarray(part["values"]) * scale for part in parts]
    weights = [np.asarray(part["weights"]) for part in parts]
    residuals = [np.asarray(part["residuals"]) * scale for part in parts]
    top = max(range(len(nodes)), key=lambda index: float(nodes[index][-1]))
    bottom = min(range(len(nodes)), key=lambda index: float(nodes[index][0]))
    traces = np.array([size * float(values @ shares) for values, shares in zip(nodes, weights, strict=True)])
    several = len(traces) > 1
    told = {
        "method": SpectrumMethod.LANCZOS,
        "evidence": Evidence.OBSERVED,
        "largest": {"value": float(nodes[top][-1]), "residual": float(residuals[top][-1])},
        "least": {"value": float(nodes[bottom][0]), "residual": float(residuals[bottom][0])},
        "trace": {
            "value": float(traces.mean()),
            "standard_error": float(traces.std(ddof=1) / np.sqrt(len(traces))) if several else None,
            "reasons": {} if several else {"standard_error": "one start has no spread"},
        },
        "eigenvalues": None,
        "error_bound": None,
        "quadrature": {
            "value": np.concatenate(nodes),
            "weight": np.concatenate(weights),
            "starts": len(nodes),
        },
        "reasons": {
            "eigenvalues": "Lanczos computes the ends and the density, not every eigenvalue",
            "error_bound": "see the residuals of the ends",
        },
    }
    return told, nodes, weights


def _shares(nodes: Sequence[FloatArray], weights: Sequence[FloatArray], tolerance: float) -> dict[str, Json]:
    values, shares = np.concatenate(nodes), np.concatenate(weights) / len(nodes)

    def share(chosen: Any) -> float:
        return math.fsum(shares[chosen])

    return {
        "positive": share(values > tolerance),
        "negative": share(values < -tolerance),
        "zero": share(np.abs(values) <= tolerance),
        "zero_tolerance": tolerance,
    }


# one start of Lanczos is never cut, and may take many products of many samples
WORK: Final = Work(
    spectra_plan,
    in_range(
        {
            "point": compute_point,
            "exact": compute_exact,
            "columns": compute_columns,
            "probe": compute_probe,
            "spectrum": spectrum,
        }
    ),
    longest_chunk_s=60.0,
)
