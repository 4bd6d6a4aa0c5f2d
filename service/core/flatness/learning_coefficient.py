"""The learning coefficient (real log canonical threshold) of a linear network at its global minima.

The volume of the weights whose loss is within eps of the minimum falls as ``eps^value (-log eps)^(multiplicity - 1)``.
Without decay it is known in closed form (Aoyagi 2024); with decay minima of one orbit are a manifold on which the
Hessian counts.  See ``docs/theory/learning-coefficient.md``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np

from service.core.flatness.at_minimum import several_orbits
from service.core.flatness.hypotheses import OF_CLOSED_FORM
from service.core.flatness.sharpness import DENSE, sharpness_of, used_point
from service.core.ground.problems import Network, Problem, shapes_of
from service.core.ground.results import Minima
from service.core.ground.rules import examine
from service.core.several_outputs.squared_error.quadratic import quadratic_of
from service.errors import LimitExceeded
from service.vocabulary import Evidence

AOYAGI: Final = "learning-coefficient"
MORSE_BOTT: Final = "learning-coefficient-decayed"
"""Ids of the theorems."""
_FLAT: Final = 1e-9
_CURVED: Final = 1e-6
"""Shares of the largest eigenvalue below which one is zero, and above which one is not; nothing is said in between."""
_ABSENT: Final = 1e-12
_APART: Final = 1e-6
"""Share by which singular values differ at least."""


@dataclass(frozen=True, slots=True)
class LearningCoefficient:
    """A coefficient and how it is known.

    Attributes
    ----------
    value : float
        Lambda: half the number of directions that count; a multiple of a quarter over the layers.
    multiplicity : int
    evidence : Evidence
        `proved` by the closed form, `certified` where it rests on a rank that was computed.
    theorem : str
    """

    value: float
    multiplicity: int
    evidence: Evidence
    theorem: str


def of_sizes(sizes: Sequence[int], rank: int) -> tuple[Fraction, int]:
    """Aoyagi's formula: layers of these sizes, inputs and outputs included, at a map of this rank.

    Parameters
    ----------
    sizes : sequence of int
        H_0 .. H_L, each at least ``rank``.
    rank : int

    Returns
    -------
    (Fraction, int)
        Value and multiplicity.
    """
    spare = sorted(size - rank for size in sizes)
    chosen = _chosen(spare)
    count, total = len(chosen) - 1, sum(chosen)
    upper = -(-total // count)
    rest = total - (upper - 1) * count
    pairs = sum(one * other for place, one in enumerate(chosen) for other in chosen[place + 1 :])
    value = (
        Fraction(-(rank**2) + rank * (sizes[0] + sizes[-1]), 2)
        + Fraction(rest * (count - rest), 4 * count)
        - Fraction(count * (count - 1), 4) * Fraction(total, count) ** 2
        + Fraction(pairs, 2)
    )
    return value, rest * (count - rest) + 1


def _chosen(spare: Sequence[int]) -> Sequence[int]:
    """The smallest sizes that bound each other: exactly one number of them does."""
    for count in range(1, len(spare)):
        chosen, outside = spare[: count + 1], spare[count + 1 :]
        total = sum(chosen)
        if chosen[-1] * count <= total and (not outside or total < count * outside[0]):
            return chosen
    raise ValueError("no set of sizes fulfils the conditions")


def coefficient_of(problem: Problem, minima: Minima) -> LearningCoefficient | str:
    """The coefficient at the global minima of a solved problem, or the reason why it is not known.

    Notes
    -----
    Without decay O(d^3); with decay the eigenvalues of the Hessian over what layers use, up to 600 parameters.
    """
    if np.any(problem.network.weight_decays):
        return _with_decay(problem, minima)
    failed = [finding for finding in examine(OF_CLOSED_FORM, problem) if finding.judgement.holds is not True]
    if failed:
        return "; ".join(finding.judgement.reason for finding in failed)
    return _without_decay(problem)


def _without_decay(problem: Problem) -> LearningCoefficient | str:
    network, quadratic = problem.network, quadratic_of(problem)
    singular = quadratic.svd[1]
    best = int(np.count_nonzero(singular > _ABSENT * max(float(singular.max(initial=0.0)), 1e-300)))
    rank = min((best, *network.hidden_widths))
    if rank < best and singular[rank - 1] - singular[rank] <= _APART * singular[0]:
        return f"singular values {rank} and {rank + 1} of the least-squares map are equal: several maps are best"
    value, multiplicity = of_sizes((quadratic.rank, *network.hidden_widths, network.outputs), rank)
    if network.has_bias(network.n_layers - 1):
        value += Fraction(network.outputs, 2)
    return LearningCoefficient(float(value), multiplicity, Evidence.PROVED, AOYAGI)


def _with_decay(problem: Problem, minima: Minima) -> LearningCoefficient | str:
    """Half the directions in which the loss curves, where all flat ones are those of the symmetry."""
    why, parameters = several_orbits(problem, minima), minima.solution.minimum.parameters
    if why or parameters is None:
        return why
    try:
        used, point = used_point(problem, parameters)
        found = sharpness_of(used, point)
    except LimitExceeded as error:
        return f"more than {error.allowed:,.0f} parameters"
    if found is None or found.spectrum is None:
        return f"layers use more than {DENSE} parameters: the rank of the Hessian was not computed"
    sizes = np.abs(found.spectrum) / max(float(found.spectrum[0]), 1e-300)
    flat, rank = int(np.count_nonzero(sizes <= _FLAT)), minima.solution.minimum.rank
    if np.any((sizes > _FLAT) & (sizes < _CURVED)):
        return "an eigenvalue of the Hessian is too small to tell from zero"
    if flat != _orbit(used.network, rank):
        return "the Hessian has flat directions beyond the symmetry: the minimum is degenerate"
    weights = sum(rows * columns for rows, columns in shapes_of(problem.network, problem.data.inputs))
    biases = problem.network.outputs if problem.network.bias_layers else 0
    directions = weights + biases - _orbit(problem.network, rank)
    return LearningCoefficient(0.5 * directions, 1, Evidence.CERTIFIED, MORSE_BOTT)


def _orbit(network: Network, rank: int) -> int:
    """Dimension of the rotations of quiet hidden layers that move what they use: frames of ``rank`` vectors."""
    quiet = [layer.width for layer in network.layers[:-1] if layer.noise_variance == 0.0]
    return sum(width * rank - rank * (rank + 1) // 2 for width in quiet)
