"""Answers about targets of ordinary size as answers about the targets that were sent, and back: powers of two."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from service.core.extremes.targets import Exponents, ScaledTargets, exponents_of_parameters
from service.core.ground.parameters import FactoredMatrix, Parameters
from service.core.ground.problems import Network, Problem
from service.core.ground.results import (
    Certificate,
    Check,
    GlobalMinimum,
    Minima,
    Origin,
    Solution,
    StationaryPoint,
    Terms,
    Thresholds,
    Transition,
)
from service.core.ground.rules import Finding, Judgement
from service.vocabulary import PointClass, PointKind, Status

GREATEST: Final = float(np.finfo(np.float64).max)
"""The greatest number."""
TINY: Final = float(np.finfo(np.float64).tiny)
"""The least normal number."""
NAME: Final = "targets in units of a power of two"
CUT: Final = "decay is beyond double precision in the units of the targets"
UNEVEN: Final = "weights have no common unit where targets are so far from ordinary size"
BELOW: Final = "below double precision"
OF_DECAYS: Final = ("critical_decay_scale", "metastable_up_to_decay_scale")
OF_NOISE: Final = ("critical_noise_variance", "critical_noise_scale")


def answered_with_targets(
    scaled: ScaledTargets,
    solve: Callable[[Problem], Minima],
    examined: Callable[[Problem], Sequence[Finding]],
) -> Minima | None:
    """The answer of a problem by that with targets of ordinary size; None where it does not hold for these.

    Parameters
    ----------
    scaled : ScaledTargets
    solve : callable
    examined : callable
        The hypotheses of the solver, with the numbers of the problem that was sent.
    """
    found = solve(scaled.inside)
    if scaled.is_cut and not found.solution.minimum.trivial and found.solution.minimum.attained:
        return None
    reported = solution_with(found.solution, scaled.problem.network, scaled.exponents)
    sent = {(each.name, each.judgement.holds): each for each in examined(scaled.problem)}
    certificate = _as_reported(certificate_with(found.certificate, scaled.exponents), scaled)
    return replace(
        found,
        status=found.status if certificate.holds else Status.BOUNDED,
        solution=reported,
        certificate=certificate,
        hypotheses=(
            Finding(NAME, Judgement(True, {"power_of_two": scaled.exponents.targets})),
            *(sent.get((each.name, each.judgement.holds), each) for each in found.hypotheses),
        ),
    )


def _as_reported(certificate: Certificate, scaled: ScaledTargets) -> Certificate:
    """The gap of the bounds as they are reported, where they lost digits below the normal numbers."""
    if quantum_of(scaled) == 0.0:
        return certificate
    lower, upper = certificate.lower_bound, certificate.upper_bound
    return replace(certificate, relative_gap=(upper - lower) / scaled.problem.unit(upper))


def solution_with(solution: Solution, network: Network, exponents: Exponents) -> Solution:
    """A solution with its targets multiplied by the powers of ``exponents``; of the negative ones, divided."""
    minimum = minimum_with(solution.minimum, network, exponents)
    points = solution.stationary_points
    completeness = solution.completeness
    if exponents.cut:
        points = tuple(point for point in points if point.kind is PointKind.ORIGIN)
        completeness = "not complete: the origin and the global minimum"
    return replace(
        solution,
        minimum=minimum,
        stationary_points=tuple(point_with(point, minimum, exponents) for point in points),
        completeness=completeness,
        thresholds=thresholds_with(solution.thresholds, exponents),
        origin=origin_with(solution.origin, network, exponents),
    )


def minimum_with(minimum: GlobalMinimum, network: Network, exponents: Exponents) -> GlobalMinimum:
    """The same of a minimum."""
    power, losses = exponents.targets, exponents.losses
    fit = minimum.evaluation_fit
    return replace(
        minimum,
        loss=times(minimum.loss, losses),
        terms=terms_with(minimum.terms, losses),
        end_to_end_map=np.ldexp(minimum.end_to_end_map, power),
        output_offset=np.ldexp(minimum.output_offset, power),
        singular_values=np.ldexp(minimum.singular_values, power),
        parameters=None if minimum.parameters is None else _parameters(minimum.parameters, network, exponents),
        prediction_variance=times(minimum.prediction_variance, losses),
        evaluation_fit=None if fit is None else times(fit, losses),
    )


def certificate_with(certificate: Certificate, exponents: Exponents) -> Certificate:
    """The same of a certificate; what leaves the normal numbers is rounded outward."""
    losses, limit = exponents.losses, certificate.norm_limit
    slope = losses - (exponents.weights or 0)
    return replace(
        certificate,
        upper_bound=_outward(certificate.upper_bound, losses, np.inf),
        lower_bound=max(_outward(certificate.lower_bound, losses, -np.inf), 0.0),
        # of bounds that prove nothing it may be beyond double precision
        rounding_allowance=min(_outward(certificate.rounding_allowance, losses, np.inf), GREATEST),
        checks=tuple(_check(check, slope) for check in certificate.checks),
        terms=None if certificate.terms is None else terms_with(certificate.terms, losses),
        norm_limit=None if limit is None else times(limit, exponents.targets),
    )


def quantum_of(scaled: ScaledTargets) -> float:
    """What a loss that was sent may be rounded by, in the units inside; 0 where losses are normal numbers."""
    least = scaled.exponents.losses - 60
    return times(4.0, -1074 - scaled.exponents.losses) if least < -1022 else 0.0


def terms_with(terms: Terms, losses: int) -> Terms:
    """The same of the parts of a loss."""
    return Terms(times(terms.fit, losses), times(terms.noise, losses), times(terms.decay, losses))


def times(value: float, power: int) -> float:
    """``2^power`` times a number, infinite where it leaves double precision."""
    with np.errstate(over="ignore", under="ignore"):
        return float(np.ldexp(value, power))


def _outward(value: float, power: int, towards: float) -> float:
    """The same, rounded towards a side where digits are lost below the normal numbers."""
    found = times(value, power)
    exact = value == 0.0 or abs(found) >= TINY
    return found if exact else float(np.nextafter(found, towards))


def _check(check: Check, slope: int) -> Check:
    if not check.scales_with_loss:
        return check
    return replace(
        check, value=_outward(check.value, slope, np.inf), tolerance=_outward(check.tolerance, slope, np.inf)
    )


def _parameters(parameters: Parameters, network: Network, exponents: Exponents) -> Parameters:
    layers, biases, skips = exponents_of_parameters(network, exponents)
    return Parameters(
        tuple(_matrix(weight, power) for weight, power in zip(parameters.weights, layers, strict=True)),
        tuple(_maybe(bias, power) for bias, power in zip(parameters.biases, biases, strict=True)),
        tuple(_maybe(skip, power) for skip, power in zip(parameters.skips, skips, strict=False)),
    )


def _matrix(matrix: FactoredMatrix, power: int) -> FactoredMatrix:
    with np.errstate(over="ignore", under="ignore"):
        return replace(matrix, values=np.ldexp(matrix.values, power))


def _maybe(matrix: FactoredMatrix | None, power: int) -> FactoredMatrix | None:
    return None if matrix is None else _matrix(matrix, power)


def point_with(point: StationaryPoint, minimum: GlobalMinimum | None, exponents: Exponents) -> StationaryPoint:
    """The same of a stationary point; with several units of layers its weights are those of the reported minimum."""
    if minimum is None or all(exponents.layers) or point.parameter_norm == 0.0:
        length = times(point.parameter_norm, exponents.weights or 0)
    else:
        length = 0.0 if minimum.parameters is None else minimum.parameters.norm
    return replace(
        point,
        loss=times(point.loss, exponents.losses),
        norm=times(point.norm, exponents.targets),
        parameter_norm=length,
    )


def thresholds_with(thresholds: Thresholds, exponents: Exponents) -> Thresholds:
    """Factors of decays are the same in all units, but for what decays were cut by."""
    reasons = dict(thresholds.reasons)
    scales = {name: getattr(thresholds, name) for name in OF_DECAYS}
    if exponents.cut:
        reasons |= dict.fromkeys((*OF_NOISE, "transitions"), CUT)
        scales = {name: None if value is None else times(value, -exponents.cut) for name, value in scales.items()}
        gone = [name for name, value in scales.items() if value is not None and value < TINY]
        scales |= dict.fromkeys(gone)
        reasons |= dict.fromkeys(gone, BELOW)
    return replace(
        thresholds,
        **scales,
        critical_noise_variance=None if exponents.cut else thresholds.critical_noise_variance,
        critical_noise_scale=None if exponents.cut else thresholds.critical_noise_scale,
        transitions=tuple(_transition(each, exponents) for each in thresholds.transitions if not exponents.cut),
        reasons=reasons,
    )


def _transition(transition: Transition, exponents: Exponents) -> Transition:
    return Transition(
        transition.decay_scale,
        transition.order,
        times(transition.norm_before, exponents.targets),
        times(transition.norm_after, exponents.targets),
    )


def origin_with(origin: Origin, network: Network, exponents: Exponents) -> Origin:
    """The same of what is said of zero; ``network`` is that of the caller."""
    reasons: dict[str, str] = dict(origin.reasons)
    curvature, barrier, escape = origin.least_hessian_eigenvalue, origin.barrier_height, origin.escape_norm
    power = exponents.weights or 0
    if curvature is not None:
        curvature = None if exponents.weights is None else _curvature(curvature, network, exponents)
        if curvature is None:
            reasons["least_hessian_eigenvalue"] = UNEVEN
    if exponents.cut and origin.point_class is not PointClass.NOT_STATIONARY:
        gone = {"least_hessian_eigenvalue": curvature, "barrier_height": barrier, "escape_norm": escape}
        reasons |= dict.fromkeys((name for name, value in gone.items() if value is not None), CUT)
        curvature = barrier = escape = None
    return Origin(
        origin.point_class,
        curvature,
        None if barrier is None else times(barrier, exponents.losses),
        None if escape is None else times(escape, power),
        reasons,
    )


def _curvature(inside: float, network: Network, exponents: Exponents) -> float | None:
    """Least Hessian eigenvalue at the origin in the caller's units; None where biases hide that of the weights."""
    own = times(inside, exponents.losses - 2 * (exponents.weights or 0))
    if not network.bias_layers:
        return own
    decays = network.bias_weight_decays or (0.0,) * network.n_layers
    last = network.n_layers - 1
    reported = [2.0 * decays[index] + 2.0 * (index == last) for index in network.bias_layers]
    there = [
        2.0 * times(decays[index], 2 * exponents.reached(index + 1) - exponents.losses) + 2.0 * (index == last)
        for index in network.bias_layers
    ]
    if inside < min(there) or own >= min(reported):
        return min(own, *reported)
    return None
