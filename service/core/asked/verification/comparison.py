"""What a check of an answer says: a field of the answer, what was found for it, and whether the two agree."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.spectrum import EPSILON, length_of
from service.core.ground.problems import Problem
from service.core.ground.results import Certificate, GlobalMinimum, Solution, Terms
from service.core.losses.dense import DenseParameters
from service.core.losses.narrow import dense_or_narrow

MOST_HESSIAN = 400
"""Parameters up to which the Hessian is formed."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A field of an answer beside what the weights or the data give.

    Attributes
    ----------
    field : str
        Path in the answer; the claimed value is the one that stands there.
    found : float, bool or str
    agrees : bool
    scales_with_loss : bool
        Whether ``found`` changes with the convention of the objective.
    """

    field: str
    found: float | bool | str
    agrees: bool
    scales_with_loss: bool = False


BEYOND = Comparison("global_minimum.weights", "what they give leaves double precision", agrees=False)
"""Said of weights at which nothing can be computed."""


@dataclass(frozen=True, slots=True)
class Verification:
    """All comparisons, and the fields that were not recomputed with the reason."""

    comparisons: tuple[Comparison, ...]
    not_covered: dict[str, str]

    @property
    def agrees(self) -> bool:
        """Whether every covered field agrees."""
        return all(comparison.agrees for comparison in self.comparisons)


@dataclass(frozen=True, slots=True)
class ClaimedAnswer:
    """A claimed answer to a problem, in the core's convention.

    Attributes
    ----------
    problem : Problem
    solution : Solution
    certificate : Certificate
        Claimed; nothing that is a tolerance is taken from it.
    fresh : Certificate
        Of the same weights, by this engine.
    quantum : float
        What the claimed losses were rounded to, where they are below the normal numbers; else 0.
    """

    problem: Problem
    solution: Solution
    certificate: Certificate
    fresh: Certificate
    quantum: float = 0.0

    @property
    def minimum(self) -> GlobalMinimum:
        """The claimed minimum."""
        return self.solution.minimum

    @property
    def unit(self) -> float:
        """What errors of losses are relative to."""
        return max(self.problem.unit(self.fresh.upper_bound), 1e9 * self.quantum)

    @property
    def rounding(self) -> float:
        """What rounding can make of a loss: in its evaluation, and by writing the weights out.

        The squared error moves by at most ``2 sqrt(E) |e| + |e|^2`` where the prediction moves by e.
        """
        parameters, evaluated = self.minimum.parameters, 8.0 * self.fresh.rounding_allowance + self.quantum
        if parameters is None:
            return evaluated
        _, dense = dense_or_narrow(self.problem.network, parameters)
        moved = float(np.sum(rounding_of_weights(self.problem, dense)))
        return evaluated + moved * (2.0 * float(np.sqrt(max(self.fresh.upper_bound, 0.0))) + moved)


def input_scales(problem: Problem) -> FloatArray:
    """Root mean square (d,) of each input, about the mean where a bias is free; 1 for one that does not vary."""
    scales = np.sqrt(np.maximum(problem.freed.xx.diagonal(), 0.0))
    return np.where(scales > 0.0, scales, 1.0)


def correlation_of(problem: Problem) -> float:
    """Norm of ``E[x y^T]`` with inputs of unit scale, about the means where a bias is free."""
    return float(np.linalg.norm(problem.freed.xy / input_scales(problem)[:, None]))


def rounding_of_weights(problem: Problem, dense: DenseParameters) -> FloatArray:
    """What rounding each entry of the weights can move the prediction by, column by column, shape (d,).

    In units of the inputs' root mean squares: an answer is found in factors and written out in matrices.
    """
    moduli = np.abs(dense.weights[0])
    for weight in dense.weights[1:]:
        moduli = np.abs(weight) @ moduli
    each: FloatArray = 4.0 * EPSILON * len(dense.weights) * np.linalg.norm(moduli, axis=0) * input_scales(problem)
    return each


def offset_size(problem: Problem, product: FloatArray) -> float:
    """Size of the terms of ``y_mean - W x_mean`` for a map W (k, d); zero without means."""
    data = problem.data
    if data.x_mean is None or data.y_mean is None:
        return 0.0
    return float(np.linalg.norm(product)) * float(np.linalg.norm(data.x_mean)) + float(np.linalg.norm(data.y_mean))


def offset_rounding(problem: Problem, product: FloatArray) -> float:
    """What rounding makes of ``y_mean - W x_mean`` for a map W (k, d)."""
    return 64.0 * EPSILON * offset_size(problem, product)


def ranks_of(product: FloatArray, problem: Problem) -> tuple[int, int]:
    """Least and greatest number of singular values of a map (k, d) that one may count as positive.

    Beyond doubt where they exceed 1e-10 of the largest, whether inputs are taken as they are or in units of their
    scales; not at all where rounding makes them.
    """
    few, many = min(product.shape), 0
    for matrix in (product, product * input_scales(problem)):
        values = np.linalg.svd(matrix, compute_uv=False)
        few = min(few, int(np.count_nonzero(values > 1e-10 * max(float(values[0]), 1e-300))))
        many = max(many, int(np.count_nonzero(values > 8.0 * EPSILON * max(float(values[0]), 1e-300))))
    return few, many


def kind(claimed: Certificate, fresh: Certificate) -> Comparison:
    """Whether the returned weights are certified, where that is claimed."""
    broken = [check.name for check in fresh.checks if not check.passed]
    found = "certified" if fresh.holds else f"bounded: {', '.join(broken) or 'the gap is open'}"
    return Comparison("certificate.kind", found, fresh.holds or not claimed.holds)


def losses(
    minimum: GlobalMinimum, terms: Terms, claimed: Certificate, fresh: Certificate, slack: float
) -> Iterator[Comparison]:
    """The claimed loss with its parts, and the claimed bounds, beside those of the returned weights.

    A lower bound is true where it is at most one that was proved afresh.
    """
    pairs = (
        ("global_minimum.loss", minimum.loss, fresh.upper_bound),
        ("certificate.upper_bound", claimed.upper_bound, fresh.upper_bound),
        ("global_minimum.terms.fit", minimum.terms.fit, terms.fit),
        ("global_minimum.terms.noise", minimum.terms.noise, terms.noise),
        ("global_minimum.terms.decay", minimum.terms.decay, terms.decay),
    )
    yield from (close(field, said, found, slack, scales=True) for field, said, found in pairs)
    proved = bool(claimed.lower_bound <= fresh.lower_bound + slack)
    yield Comparison("certificate.lower_bound", fresh.lower_bound, proved, scales_with_loss=True)


def close(field: str, claimed: float, found: float, tolerance: float, *, scales: bool) -> Comparison:
    """Numbers that agree to a tolerance; ``scales`` as `Comparison.scales_with_loss`."""
    return Comparison(field, float(found), bool(abs(claimed - found) <= tolerance < np.inf), scales)


def close_maps(field: str, claimed: FloatArray, found: FloatArray, problem: Problem) -> Comparison:
    """End-to-end maps (k, d) that agree to 1e-9 of what they predict, whatever the units of the inputs."""
    scales = input_scales(problem)
    size = length_of(found * scales)
    return close_arrays(field, claimed * scales, found * scales, 1e-9 * max(size, 1e-300))


def close_arrays(field: str, claimed: FloatArray, found: FloatArray, tolerance: float) -> Comparison:
    """Arrays of one shape whose entries agree to a tolerance."""
    if claimed.shape != found.shape:
        return Comparison(field, f"shape {found.shape}", agrees=False)
    worst = float(np.max(np.abs(claimed - found), initial=0.0))
    share = worst / tolerance if tolerance > 0.0 else float(worst > 0.0)
    return Comparison(field, f"off by {share:.1e} of the tolerance", worst <= tolerance < np.inf)
