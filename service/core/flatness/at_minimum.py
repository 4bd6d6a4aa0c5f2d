"""What is known of the flatness of global minima of a solved problem: each number, or the reason why it is missing."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from service.core.extremes.targets import scaled_targets
from service.core.flatness.flattest import flattest
from service.core.flatness.hypotheses import OF_FLATTEST, OF_ONE_ORBIT
from service.core.flatness.sharpness import Sharpness, sharpness_at
from service.core.flatness.tangents import tangents_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem
from service.core.ground.results import Minima
from service.core.ground.rules import examine
from service.errors import LimitExceeded
from service.vocabulary import Activation, Evidence, Loss, Status

CLOSED: Final = 1e-9
"""Relative distance of the two bounds up to which the flattest minimum is certified."""
MOST_DIRECTIONS: Final = 20_000
"""Entries of the map, of which each has an eigenvalue of the tangent kernel, up to which they are computed."""
MOST_INPUTS: Final = 1_000
FLATTEST: Final = "flattest-minimum"
ONE_ORBIT: Final = "minima-of-one-orbit"
"""Ids of the theorems."""


@dataclass(slots=True)
class Flatness:
    """Sharpness, the largest eigenvalue of the Hessian, over all global minima and at the returned one.

    Attributes
    ----------
    least : float or None
        Least over all global minima that is known to be reached.
    lower_bound : float or None
        No global minimum has less.
    evidence : Evidence or None
        Of the least.
    theorem : str or None
    returned : Sharpness or None
        At the returned weights.
    spectrum : (m,) array or None
        Eigenvalues at the flattest minimum, descending.
    layer_norms : (L,) array or None
        Of its layers.
    reasons : dict
        Why something is missing.
    """

    least: float | None = None
    lower_bound: float | None = None
    evidence: Evidence | None = None
    theorem: str | None = None
    returned: Sharpness | None = None
    spectrum: FloatArray | None = None
    layer_norms: FloatArray | None = None
    reasons: dict[str, str] = field(default_factory=dict)


def flatness_of(problem: Problem, minima: Minima) -> Flatness:
    """The flatness of the minima of a problem that a solver has answered.

    Notes
    -----
    O(d^3) for one output and for the returned weights O(P^3) up to 600 parameters that layers use; see `flattest` and
    `sharpness_at`.
    """
    found = Flatness()
    why = outside(problem)
    if why:
        found.reasons = dict.fromkeys(("least_sharpness", "sharpness"), why)
        return found
    _returned(problem, minima, found)
    if np.any(problem.network.weight_decays):
        _with_decay(problem, minima, found)
    else:
        _without_decay(problem, found)
    return found


def outside(problem: Problem) -> str:
    """Why nothing is said about a problem; empty if something is."""
    network = problem.network
    if problem.loss is not Loss.SQUARED or any(layer.activation is not Activation.LINEAR for layer in network.layers):
        return "told for linear networks under squared loss; POST /v1/spectra has the curvature at given weights"
    if network.skips:
        return "not told for networks with skips"
    if problem.extremes is not None or scaled_targets(problem) is not None:
        return "inputs or targets are so large or small that they were scaled; send them in other units"
    return ""


def _returned(problem: Problem, minima: Minima, found: Flatness) -> None:
    parameters = minima.solution.minimum.parameters
    if parameters is None:
        found.reasons["sharpness"] = "no weights attain the infimum"
        return
    try:
        found.returned = sharpness_at(problem, parameters)
    except LimitExceeded as error:
        found.reasons["sharpness"] = f"more than {error.allowed:,.0f} parameters"
        return
    if found.returned is None:
        found.reasons["sharpness"] = "the Lanczos iteration did not converge"


def _without_decay(problem: Problem, found: Flatness) -> None:
    """Every global minimum reaches the least-squares map; the flattest is known between bounds."""
    failed = [finding for finding in examine(OF_FLATTEST, problem) if finding.judgement.holds is not True]
    if failed:
        found.reasons["least_sharpness"] = "; ".join(finding.judgement.reason for finding in failed)
        return
    if problem.data.inputs * problem.data.outputs > MOST_DIRECTIONS:
        found.reasons["least_sharpness"] = f"the map has more than {MOST_DIRECTIONS} entries"
        return
    if problem.data.inputs > MOST_INPUTS:
        found.reasons["least_sharpness"] = f"more than {MOST_INPUTS} inputs"
        return
    flat = flattest(tangents_of(problem))
    found.least, found.lower_bound, found.theorem = flat.sharpness, flat.lower_bound, FLATTEST
    closed = flat.sharpness - flat.lower_bound <= CLOSED * flat.sharpness
    found.evidence = Evidence.CERTIFIED if closed else Evidence.OBSERVED
    found.spectrum, found.layer_norms = flat.spectrum, flat.layer_norms


def _with_decay(problem: Problem, minima: Minima, found: Flatness) -> None:
    """Where the minima are one orbit of rotations and signs, all are as sharp as the returned one."""
    why = several_orbits(problem, minima)
    returned = found.returned
    if not why and returned is None:
        why = found.reasons["sharpness"]
    if not why and returned is not None and returned.evidence is not Evidence.CERTIFIED:
        why = "all minima are as sharp as the returned one, whose sharpness was observed"
    if why or returned is None:
        found.reasons["least_sharpness"] = why
        return
    found.least = found.lower_bound = returned.value
    found.evidence, found.theorem, found.spectrum = Evidence.CERTIFIED, ONE_ORBIT, returned.spectrum
    found.reasons["layer_norms"] = "those of the returned weights: `include` has `layer_norms`"


def several_orbits(problem: Problem, minima: Minima) -> str:
    """Why the minima may differ by more than rotations and signs of hidden units; empty if they do not."""
    if not minima.solution.minimum.attained:
        return "no weights attain the infimum"
    if minima.status is Status.BOUNDED:
        return "the minimum is not certified"
    failed = [finding for finding in examine(OF_ONE_ORBIT, problem) if finding.judgement.holds is not True]
    if failed:
        return "; ".join(finding.judgement.reason for finding in failed)
    if problem.data.outputs == 1 and _ties(problem, minima):
        return "two minima have the same loss, to rounding"
    if problem.data.outputs > 1 and minima.solution.minimum.uniqueness.startswith("not unique"):
        return f"the minimum is {minima.solution.minimum.uniqueness}"
    return ""


def _ties(problem: Problem, minima: Minima) -> bool:
    """Whether another stationary point of one output, all of which are listed, is as good as the minimum."""
    loss = minima.solution.minimum.loss
    near = [point for point in minima.solution.stationary_points if point.loss <= loss + CLOSED * problem.unit(loss)]
    return len(near) > 1
