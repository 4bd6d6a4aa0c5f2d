"""The flatness of a minimum in the caller's convention."""

from typing import Final

import numpy as np

from service.core.flatness.answer import Flatness, flatness_of
from service.core.ground.results import Minima
from service.operations.mapping.problem import MappedProblem
from service.schemas.base import applicable
from service.schemas.flatness import MinimumFlatness

FLAT: Final = "no limit: the Hessian has no positive eigenvalue there"
OTHER_UNITS: Final = "inputs or targets are so far from ordinary size that weights are in other units"
OUT_OF_RANGE: Final = "the curvature leaves double precision"
OTHER_MODEL: Final = "known for feedforward networks"
PARTS: Final = ("sharpness", "least", "kernel")


def flatness_to_wire(mapped: MappedProblem, minima: Minima) -> MinimumFlatness:
    """The part `flatness` of an answer; whatever is null has its reason."""
    found, factor = _found(mapped, minima), mapped.scaling.loss
    reasons: dict[str, str] = {}
    steps: dict[str, float | None] = {}
    for name, value, of in (
        ("stable_step", found.sharpness, "sharpness"),
        ("largest_step", found.least, "least"),
        ("largest_step_upper_bound", found.least_bound, "least"),
    ):
        steps[name] = None if value is None or value <= 0.0 else 2.0 / (value * factor)
        if steps[name] is None:
            reasons[name] = found.reasons.get(of, FLAT)
    if "sharpness" in found.reasons:
        reasons |= dict.fromkeys(("sharpness", "sharpness_evidence"), found.reasons["sharpness"])
    if "least" in found.reasons:
        missing = ("least_sharpness", "least_sharpness_lower_bound", "evidence", "because")
        reasons |= dict.fromkeys(missing, found.reasons["least"])
    if "kernel" in found.reasons:
        reasons |= dict.fromkeys(("gauss_newton_spectrum", "ntk_spectrum"), found.reasons["kernel"])
    kernel = found.kernel
    answer = MinimumFlatness(
        sharpness=_times(found.sharpness, factor),
        sharpness_evidence=found.sharpness_evidence,
        stable_step=steps["stable_step"],
        least_sharpness=_times(found.least, factor),
        least_sharpness_lower_bound=_times(found.least_bound, factor),
        evidence=found.evidence,
        because=found.because,
        largest_step=steps["largest_step"],
        largest_step_upper_bound=steps["largest_step_upper_bound"],
        gauss_newton_spectrum=None if kernel is None else (2.0 * factor * kernel).tolist(),
        ntk_spectrum=None if kernel is None else kernel.tolist(),
        reasons=reasons,
    )
    return applicable(answer)


def _found(mapped: MappedProblem, minima: Minima) -> Flatness:
    """What the core says, or one reason for all of it."""
    problem = mapped.core
    if mapped.features is not None or mapped.vae is not None:
        return Flatness(reasons=dict.fromkeys(PARTS, OTHER_MODEL))
    if problem.extremes is not None:
        return Flatness(reasons=dict.fromkeys(PARTS, OTHER_UNITS))
    try:
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            return flatness_of(problem, minima)
    except (ArithmeticError, np.linalg.LinAlgError):
        return Flatness(reasons=dict.fromkeys(PARTS, OUT_OF_RANGE))


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor
