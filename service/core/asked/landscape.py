"""Everything that is known about the landscape of a problem: verdicts, rules, origin, points, curve and barcode."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from service.core.catalogue import LANDSCAPE_RULES, on_one_curve
from service.core.dispatch import choose, solve
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem
from service.core.ground.results import Minima, StationaryPoint, Thresholds
from service.core.landscapes.barcode import Bar, barcode_along_norm
from service.core.landscapes.networks.reduced import trained_part
from service.core.landscapes.origin import OriginByRules, origin_by_rules
from service.core.landscapes.passes import bounded_bars
from service.core.landscapes.rectified_pull import rectified_pull
from service.core.landscapes.verdicts import Applied, Ruling, Witnessed, apply, rulings
from service.core.one_output.reduced import reduced_of
from service.core.one_output.sphere import loss_on_spheres
from service.errors import LimitExceeded, NotCovered, NumericalError
from service.vocabulary import Evidence, PointClass, Property

MOST_POINTS = 200
"""Stationary points that are listed; more are counted."""

CURVE_POINTS = 101
NOTHING: Final[Mapping[str, str]] = {}
SHARE = 1e-9
"""Share of the loss of the zero map by which a spurious minimum must lie above the global one."""


@dataclass(frozen=True, slots=True)
class OriginSummary:
    """The point where all weights are zero; numbers in the core's convention, each a number or a reason."""

    point_class: PointClass | None
    evidence: Evidence | None
    because: tuple[str, ...]
    least_hessian_eigenvalue: float | None
    barrier_height: float | None
    escape_norm: float | None
    reasons: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReducedCurve:
    """Least loss over all networks whose end-to-end map has a given norm.

    Attributes
    ----------
    norms : (m,) array
    losses : (m,) array
    """

    norms: FloatArray
    losses: FloatArray


@dataclass(frozen=True, slots=True)
class Landscape:
    """The summary; what a solver would have given has a reason where no solver covers the problem.

    ``tried`` is what the rules were tried on: the problem without frozen first layers, whose outputs are its inputs.
    """

    verdicts: Mapping[Property, Ruling]
    rules: tuple[Applied, ...]
    origin: OriginSummary
    points: tuple[StationaryPoint, ...]
    point_count: int
    completeness: str
    thresholds: Thresholds | None
    curve: ReducedCurve | None
    bars: tuple[Bar, ...]
    solver: str | None
    reasons: Mapping[str, str]
    tried: Problem


def summarise(problem: Problem, left_out: Mapping[str, str] = NOTHING) -> Landscape:
    """Summarise the landscape of a problem.

    Parameters
    ----------
    problem : Problem
    left_out : mapping of str to str
        Solvers that are not run, each with the reason that is reported in their place.

    Raises
    ------
    NumericalError
        If theorems contradict each other within rounding.
    """
    minima, missing = _minima(problem, left_out)
    tried = trained_part(problem)
    rules = apply(LANDSCAPE_RULES, tried)
    verdicts = rulings(rules, () if minima is None else _witnessed(minima))
    reasons: dict[str, str] = {}
    if minima is None:
        for name in ("stationary_points", "thresholds", "reduced_curve", "barcode"):
            reasons[name] = missing
        origin = _summary_of(origin_by_rules(problem), missing)
        thresholds = _collapse(problem, origin)
        if thresholds is not None:
            del reasons["thresholds"]
        return Landscape(verdicts, rules, origin, (), 0, missing, thresholds, None, (), None, reasons, tried)
    solution = minima.solution
    curve = _curve(problem, minima)
    if curve is None:
        reasons["reduced_curve"] = "the reduction to the norm of the map is for one output with every layer decayed"
    one_output = curve is not None
    points = solution.stationary_points
    return Landscape(
        verdicts=verdicts,
        rules=rules,
        origin=_origin_of_solver(minima),
        points=points[:MOST_POINTS],
        point_count=len(points),
        completeness=solution.completeness,
        thresholds=solution.thresholds,
        curve=curve,
        bars=barcode_along_norm(points) if one_output else bounded_bars(problem, points),
        solver=solution.solver,
        reasons=reasons,
        tried=tried,
    )


def _minima(problem: Problem, left_out: Mapping[str, str]) -> tuple[Minima | None, str]:
    shared = any(layer.convolution is not None for layer in problem.network.layers)
    if problem.moments is None or shared:
        return None, "no solver covers layers of shared kernels" if shared else "without data there is nothing to solve"
    try:
        if left_out and (solver := choose(problem)[0].name) in left_out:
            return None, left_out[solver]
        return solve(problem), ""
    except NotCovered:
        return None, "no solver covers this network"
    except LimitExceeded as error:
        return None, f"the minimum of a network this wide {error.detail}"
    except NumericalError as error:
        return None, f"the solver failed: {error.detail}"


def _witnessed(minima: Minima) -> tuple[Witnessed, ...]:
    solution = minima.solution
    theorems = solution.theorems
    shown = []
    if minima.certificate.holds:
        attained = solution.minimum.attained
        shown.append(Witnessed(Property.MINIMUM_ATTAINED, attained, Evidence.CERTIFIED, theorems))
    floor = solution.minimum.loss
    scale = max([abs(point.loss) for point in solution.stationary_points], default=0.0)
    bad = [
        point
        for point in solution.stationary_points
        if point.point_class is PointClass.LOCAL_MINIMUM
        and point.evidence is Evidence.PROVED
        and point.loss > floor + SHARE * scale
    ]
    if bad:
        shown.append(Witnessed(Property.SPURIOUS_MINIMA_EXIST, True, Evidence.PROVED, theorems))
    return tuple(shown)


def _origin_of_solver(minima: Minima) -> OriginSummary:
    origin = minima.solution.origin
    return OriginSummary(
        origin.point_class,
        Evidence.PROVED,
        minima.solution.theorems,
        origin.least_hessian_eigenvalue,
        origin.barrier_height,
        origin.escape_norm,
        origin.reasons,
    )


def _summary_of(found: OriginByRules, missing: str) -> OriginSummary:
    reasons = {"barrier_height": missing, "escape_norm": missing}
    if found.point_class is None:
        reasons["class"] = found.reason
    if found.least_hessian_eigenvalue is None:
        reasons["least_hessian_eigenvalue"] = found.reason or "not derived for this network"
    evidence = None if found.point_class is None else Evidence.PROVED
    return OriginSummary(
        found.point_class, evidence, found.because, found.least_hessian_eigenvalue, None, None, reasons
    )


def _collapse(problem: Problem, origin: OriginSummary) -> Thresholds | None:
    """Where decay switches off every unit of two rectified layers, if the class of the origin follows from that."""
    pull = rectified_pull(problem) if "R14c" in origin.because else None
    if pull is None or pull.threshold <= 0.0:
        return None
    unknown = "not derived for rectified units"
    known = pull.bound <= pull.value * (1.0 + 1e-8)
    reasons = dict.fromkeys(
        (
            "metastable_up_to_decay_scale",
            "critical_noise_variance",
            "critical_noise_scale",
            "transition_order",
        ),
        unknown,
    )
    if not known:
        reasons["critical_decay_scale"] = "the pull on a unit is not known closely enough"
    scale = pull.value / pull.threshold if known else None
    return Thresholds(scale, None, None, None, None, (), reasons)


def _curve(problem: Problem, minima: Minima) -> ReducedCurve | None:
    """Loss against norm, from zero to past the largest norm of a stationary point."""
    network = problem.network
    if not on_one_curve(minima.solution) or not network.weight_decays.all() or network.n_hidden == 0:
        return None
    reduced = reduced_of(problem)
    if not reduced.values.size:
        return None
    largest = max([point.norm for point in minima.solution.stationary_points], default=0.0)
    if largest == 0.0:
        largest = float(np.linalg.norm(reduced.map_at(0.0)))
    norms = np.linspace(0.0, 1.25 * largest, CURVE_POINTS)
    return ReducedCurve(norms, loss_on_spheres(reduced, norms))
