"""Hessian spectra as a plan: the point, then blocks of columns, one exact chunk, or one chunk for each start."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from service.core.curvature.hessian import DENSE_LIMIT, dense_hessian, is_plain
from service.core.curvature.lanczos import density, lanczos
from service.core.curvature.spectrum import LARGEST, hessian_spectrum
from service.core.dynamics.initialisations import generator
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem
from service.core.losses.dense import unflatten
from service.core.pictures.objective import objective_of, shape_of, uses_moments
from service.errors import InputError
from service.operations.plans.columns import numbers
from service.operations.plans.packing import unpack
from service.operations.plans.picture_points import card, centre_of, compute_point
from service.operations.plans.picture_sizes import CHUNK_S, SLOPE, evaluation_s, weights_of
from service.operations.plans.pictures import Draft, draft, heading_of
from service.operations.plans.plan import Arrays, Json, Plan, Work
from service.operations.plans.running import in_range
from service.schemas.base import applicable
from service.schemas.parts import AllEigenvalues, HessianColumns, MeasuredPoint, RitzValues
from service.schemas.spectra import (
    Density,
    ExtremeEigenvalue,
    Quadrature,
    Shares,
    SpectraAnswer,
    SpectraRequest,
    Trace,
)
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
    parts = _add_probes if request.method is SpectrumMethod.LANCZOS or weights > most else _add_exact
    function = parts(plan, point, request)
    plan.check(limits, ("probes",))
    arguments = plan.arguments(
        parts=function, weights=weights, points=request.points, broadening=request.broadening, problem=plan.packed
    )
    return Plan(plan.chunks, "spectrum", arguments, plan.arrays, plan.cost_s)


def exact_limit(problem: Problem) -> int:
    """Weights up to which all eigenvalues are computed."""
    if not uses_moments(problem):
        return EXACT_WEIGHTS
    return LARGEST if is_plain(problem) else DENSE_LIMIT


def _add_exact(plan: Draft, point: int, _request: SpectraRequest) -> str:
    """Chunks after which all eigenvalues are known; the name of their function."""
    weights = weights_of(plan.mapped.core)
    if uses_moments(plan.mapped.core):
        plan.add("exact", {}, (point,), PER_CUBIC_S * weights**2 * min(weights, 100))
        return "exact"
    each = PRODUCT * evaluation_s(plan.mapped.core)
    together = int(np.clip(CHUNK_S / each, 1, weights))
    for first in range(0, weights, together):
        last = min(first + together, weights)
        plan.add("columns", {"first": first, "last": last}, (point,), (last - first) * each)
    plan.steps += weights
    plan.cost_s += PER_CUBIC_S * weights**3
    return "columns"


def _add_probes(plan: Draft, point: int, request: SpectraRequest) -> str:
    """One chunk for each start of Lanczos; the name of their function."""
    steps = min(request.lanczos_steps, weights_of(plan.mapped.core))
    each = PRODUCT * evaluation_s(plan.mapped.core) * steps
    for number in range(request.probes):
        plan.add("probe", {"seed": request.seed, "number": number, "steps": steps}, (point,), each)
    plan.steps += request.probes * steps
    return "probe"


def _point(inputs: Sequence[Json]) -> FloatArray:
    return numbers(MeasuredPoint.model_validate(inputs[0]).point)


def compute_exact(arguments: Mapping[str, Json], arrays: Arrays, inputs: Sequence[Json]) -> AllEigenvalues:
    """All eigenvalues of the Hessian of a linear network."""
    problem = unpack(arguments["problem"], arrays)
    parameters = unflatten(_point(inputs), shape_of(problem))
    if is_plain(problem):
        found = hessian_spectrum(problem, parameters.weights)
        return AllEigenvalues(values=found.values, error_bound=found.error_bound)
    return AllEigenvalues(values=np.linalg.eigvalsh(dense_hessian(problem, parameters)), error_bound=None)


def compute_columns(arguments: Mapping[str, Json], arrays: Arrays, inputs: Sequence[Json]) -> HessianColumns:
    """Some columns of the Hessian of a nonlinear network, one product each."""
    point = _point(inputs)
    product = objective_of(unpack(arguments["problem"], arrays)).products(point)
    columns = []
    for index in range(int(arguments["first"]), int(arguments["last"])):
        unit = np.zeros_like(point)
        unit[index] = 1.0
        columns.append(product(unit))
    return HessianColumns(columns=np.array(columns))


def compute_probe(arguments: Mapping[str, Json], arrays: Arrays, inputs: Sequence[Json]) -> RitzValues:
    """One run of Lanczos from a random start."""
    point = _point(inputs)
    start = generator(int(arguments["seed"]), STREAM, int(arguments["number"])).normal(size=point.size)
    found = lanczos(objective_of(unpack(arguments["problem"], arrays)).products(point), start, int(arguments["steps"]))
    return RitzValues(values=found.values, weights=found.weights, residuals=found.residuals)


def spectrum(arguments: Mapping[str, Json], _arrays: Arrays, inputs: Sequence[Json]) -> SpectraAnswer:
    """Put the parts together: extremes, trace, shares by sign, density."""
    heading, size, points = heading_of(arguments), int(arguments["weights"]), int(arguments["points"])
    found = _of_parts(str(arguments["parts"]), inputs[1:], heading.loss_scale, size)
    nodes, weights = found.nodes, found.weights
    low, high = float(min(node[0] for node in nodes)), float(max(node[-1] for node in nodes))
    spread = max(high - low, 1e-6 * max(abs(high), abs(low)))
    if spread < LEAST_SPREAD:
        spread = 1.0
    width = float(np.clip(arguments["broadening"] or BROADENING * spread, spread / (100.0 * points), 1e3 * spread))
    grid = np.linspace(low - MARGIN * spread, high + MARGIN * spread, points)
    point = MeasuredPoint.model_validate(inputs[0])
    margin = point.distance_from_kinks
    answer = SpectraAnswer(
        method=found.method,
        evidence=found.evidence,
        point=card(point, heading),
        weights=size,
        largest=found.largest,
        least=found.least,
        trace=found.trace,
        shares=_shares(nodes, weights, max(abs(low), abs(high)) * ZERO),
        density=Density(eigenvalue=grid, density=density(nodes, weights, grid, width), broadening=width),
        eigenvalues=found.eigenvalues,
        error_bound=found.error_bound,
        quadrature=found.quadrature,
        smooth=margin is None or margin >= KINK,
        seed=heading.seed,
        reasons=found.reasons,
        convention=heading.convention,
        engine_version=heading.engine_version,
        problem_hash=heading.problem_hash,
        model=heading.model,
    )
    return applicable(answer, "model")


@dataclass(frozen=True, slots=True)
class _Found:
    """What the parts say, in the caller's convention; densities and shares follow from nodes and weights."""

    method: SpectrumMethod
    evidence: Evidence
    largest: ExtremeEigenvalue
    least: ExtremeEigenvalue
    trace: Trace
    nodes: Sequence[FloatArray]
    weights: Sequence[FloatArray]
    reasons: dict[str, str]
    eigenvalues: FloatArray | None = None
    error_bound: float | None = None
    quadrature: Quadrature | None = None


def _of_parts(function: str, parts: Sequence[Json], scale: float, size: int) -> _Found:
    """From the chunks of one of the three functions."""
    if function == "probe":
        return _of_probes([RitzValues.model_validate(part) for part in parts], scale, size)
    if function == "exact":
        (found,) = (AllEigenvalues.model_validate(part) for part in parts)
        return _of_all(numbers(found.values) * scale, found.error_bound, scale)
    hessian = np.concatenate([numbers(HessianColumns.model_validate(part).columns) for part in parts])
    return _of_all(np.linalg.eigvalsh(0.5 * (hessian + hessian.T)) * scale, None, scale)


def _of_all(values: FloatArray, bound: float | None, scale: float) -> _Found:
    """From all eigenvalues, in the caller's convention."""
    reasons = {"quadrature": "all eigenvalues are known"}
    if bound is None:
        reasons["error_bound"] = "the matrix was formed and diagonalised in double precision"
    error = None if bound is None else bound * scale
    rounding = len(values) * float(np.finfo(float).eps) * float(np.max(np.abs(values)))
    return _Found(
        method=SpectrumMethod.EXACT,
        evidence=Evidence.OBSERVED if bound is None else Evidence.CERTIFIED,
        largest=ExtremeEigenvalue(value=float(values[-1]), residual=(error or 0.0) + rounding),
        least=ExtremeEigenvalue(value=float(values[0]), residual=(error or 0.0) + rounding),
        trace=Trace(
            value=float(values.sum()),
            standard_error=None,
            reasons={"standard_error": "all eigenvalues are known"},
        ),
        nodes=[values],
        weights=[np.full(len(values), 1.0 / len(values))],
        reasons=reasons,
        eigenvalues=values,
        error_bound=error,
    )


def _of_probes(parts: Sequence[RitzValues], scale: float, size: int) -> _Found:
    """From the quadratures of several starts."""
    nodes = [numbers(part.values) * scale for part in parts]
    weights = [numbers(part.weights) for part in parts]
    residuals = [numbers(part.residuals) * scale for part in parts]
    top = max(range(len(nodes)), key=lambda index: float(nodes[index][-1]))
    bottom = min(range(len(nodes)), key=lambda index: float(nodes[index][0]))
    traces = np.array([size * float(values @ shares) for values, shares in zip(nodes, weights, strict=True)])
    several = len(traces) > 1
    return _Found(
        method=SpectrumMethod.LANCZOS,
        evidence=Evidence.OBSERVED,
        largest=ExtremeEigenvalue(value=float(nodes[top][-1]), residual=float(residuals[top][-1])),
        least=ExtremeEigenvalue(value=float(nodes[bottom][0]), residual=float(residuals[bottom][0])),
        trace=Trace(
            value=float(traces.mean()),
            standard_error=float(traces.std(ddof=1) / np.sqrt(len(traces))) if several else None,
            reasons={} if several else {"standard_error": "one start has no spread"},
        ),
        nodes=nodes,
        weights=weights,
        reasons={
            "eigenvalues": "Lanczos computes the ends and the density, not every eigenvalue",
            "error_bound": "see the residuals of the ends",
        },
        quadrature=Quadrature(value=np.concatenate(nodes), weight=np.concatenate(weights), starts=len(nodes)),
    )


def _shares(nodes: Sequence[FloatArray], weights: Sequence[FloatArray], tolerance: float) -> Shares:
    values, shares = np.concatenate(nodes), np.concatenate(weights) / len(nodes)

    def share(chosen: npt.NDArray[np.bool_]) -> float:
        return math.fsum(shares[chosen])

    return Shares(
        positive=share(values > tolerance),
        negative=share(values < -tolerance),
        zero=share(np.abs(values) <= tolerance),
        zero_tolerance=tolerance,
    )


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
