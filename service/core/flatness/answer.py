"""What is said of the flatness of a minimum: of the returned weights, and of all global minima."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from service.core.flatness.curvature import MOST, LargestCurvature, largest_of_hessian
from service.core.flatness.flattest import MET, flattest
from service.core.flatness.kernel import kernel_spectrum
from service.core.flatness.narrowed import narrowed, numbers_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem
from service.core.ground.results import Minima, Solution
from service.core.losses.trained import is_frozen
from service.core.several_outputs.weights.minimum import UNIQUE, ZERO_UNIQUE
from service.vocabulary import Activation, Bias, Evidence, Loss, Status

NOT_ATTAINED: Final = "no weights attain the infimum"
TIE: Final = 1e-10
"""Share of the loss within which two stationary values count as one."""


@dataclass(frozen=True, slots=True)
class Flatness:
    """Curvatures in the core's convention; what is missing has a reason.

    Attributes
    ----------
    sharpness : float or None
        Largest Hessian eigenvalue at the returned weights.
    sharpness_evidence : Evidence or None
    least : float or None
        Least sharpness of a global minimum that is known.
    least_bound : float or None
        No global minimum is flatter.
    evidence : Evidence or None
        Of ``least``.
    because : str or None
        What decided it.
    kernel : (e,) array or None
        Eigenvalues of the mean tangent kernel at the returned weights, descending.
    reasons : dict
        By the attribute that is missing.
    """

    sharpness: float | None = None
    sharpness_evidence: Evidence | None = None
    least: float | None = None
    least_bound: float | None = None
    evidence: Evidence | None = None
    because: str | None = None
    kernel: FloatArray | None = None
    reasons: dict[str, str] = field(default_factory=dict)


def flatness_of(problem: Problem, minima: Minima) -> Flatness:
    """Sharpness of the returned weights, the flattest minimum, and the tangent kernel.

    Parameters
    ----------
    problem : Problem
        The one that was solved.
    minima : Minima
    """
    parameters = minima.solution.minimum.parameters
    uncovered = _uncovered(problem) or (None if parameters is not None else NOT_ATTAINED)
    if uncovered is not None or parameters is None:
        return Flatness(reasons=dict.fromkeys(("sharpness", "least", "kernel"), uncovered or NOT_ATTAINED))
    reasons: dict[str, str] = {}
    noisy = bool(np.any(problem.network.noise_variances)) or is_frozen(problem.network)
    sharp: LargestCurvature | str
    kernel: FloatArray | str
    if noisy and numbers_of(parameters) > MOST:
        sharp = kernel = f"more than {MOST} weights and biases"
    else:
        narrow, point = narrowed(problem, parameters)
        sharp = largest_of_hessian(narrow, point)
        kernel = kernel_spectrum(narrow, point)
    if isinstance(sharp, str):
        reasons["sharpness"] = sharp
    if isinstance(kernel, str):
        reasons["kernel"] = kernel
    known = None if isinstance(sharp, str) else sharp
    least, bound, evidence, because = _least(problem, minima, known, reasons)
    return Flatness(
        sharpness=None if known is None else known.value,
        sharpness_evidence=None if known is None else known.evidence,
        least=least,
        least_bound=bound,
        evidence=evidence,
        because=because,
        kernel=None if isinstance(kernel, str) else kernel,
        reasons=reasons,
    )


Known = tuple[float | None, float | None, Evidence | None, str | None]


def _least(problem: Problem, minima: Minima, sharp: LargestCurvature | None, reasons: dict[str, str]) -> Known:
    network = problem.network
    decayed = bool(np.any(network.weight_decays)) or any(network.bias_weight_decays)
    missing = _not_comparable(problem)
    if missing is None and decayed:
        missing = _several_minima(problem, minima)
    if missing is None and decayed and sharp is None:
        missing = reasons["sharpness"]
    if missing is None and decayed and sharp is not None:
        evidence = sharp.evidence
        if minima.status is Status.EXACT and evidence is Evidence.CERTIFIED:
            evidence = Evidence.PROVED
        return sharp.value, sharp.value, evidence, "with decay all global minima are the same up to symmetry"
    found = missing if missing is not None else flattest(problem)
    if isinstance(found, str):
        reasons["least"] = found
        return None, None, None, None
    met = found.reached - found.proved <= MET * found.reached
    evidence = Evidence.PROVED if found.reached == found.proved else Evidence.CERTIFIED
    return found.reached, found.proved, evidence if met else Evidence.OBSERVED, found.because


def _uncovered(problem: Problem) -> str | None:
    """Why no Hessian of moments is that of the problem."""
    network = problem.network
    if any(layer.activation is not Activation.LINEAR for layer in network.layers):
        return "an activation is not linear"
    if problem.loss is not Loss.SQUARED:
        return f"known for squared loss; the loss is {problem.loss.value}"
    return "the network has skip connections" if network.skips else None


def _not_comparable(problem: Problem) -> str | None:
    """Why minima of this network have no least sharpness that is known."""
    network = problem.network
    if is_frozen(network):
        return "a layer is not trained"
    if network.n_layers > 1 and network.bias in (Bias.ALL, Bias.HIDDEN):
        return "biases of hidden layers: minima differ in them, and the flattest is not known"
    plain = not np.any(network.weight_decays)
    if plain and np.any(network.noise_variances):
        return "noise on hidden layers without decay: minima differ in their scales, and the flattest is not known"
    if plain and any(network.bias_weight_decays):
        return "a decayed bias beside weights without decay: the flattest minimum is not known"
    return None


def _several_minima(problem: Problem, minima: Minima) -> str | None:
    """Why global minima with decay may be more than one up to symmetry."""
    network, solution = problem.network, minima.solution
    several = network.outputs > 1 and network.n_layers > 1
    why_not = {
        "a layer without decay: whether all minima are the same up to symmetry is not known": not np.all(
            network.weight_decays > 0.0
        ),
        "the gap of the minimum is open: others may be flatter": minima.status is Status.BOUNDED,
        "two minima of different maps tie": _ties(solution),
        "noise and several outputs: minima differ by more than a symmetry": several
        and bool(np.any(network.noise_variances)),
        "whether all minima are the same up to symmetry is not known": several
        and solution.minimum.uniqueness not in (UNIQUE, ZERO_UNIQUE),
    }
    return next((reason for reason, holds in why_not.items() if holds), None)


def _ties(solution: Solution) -> bool:
    """Whether a stationary point of another norm has the same loss."""
    minimum = solution.minimum
    norm = float(np.linalg.norm(minimum.singular_values))
    return any(
        abs(point.loss - minimum.loss) <= TIE * abs(minimum.loss)
        and abs(point.norm - norm) > 1e-3 * max(point.norm, norm)
        for point in solution.stationary_points
    )
