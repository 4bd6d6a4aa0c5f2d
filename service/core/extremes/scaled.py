"""Networks on inputs of very different sizes, solved in units in which they are alike.

Powers of two, so that no digit changes: weights of the first layer are divided by them.  Without decay the loss is the
same, and all inputs get the size one.  Beside decay it is a little less; only large inputs are lowered then, under
hidden noise, where they cannot be taken out of the rest.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from service.core.extremes.free import FREE
from service.core.ground.data.conditioned import Moments, moments_of_factor
from service.core.ground.numbers.arrays import BoolArray, FloatArray
from service.core.ground.numbers.factor import powers_of_two
from service.core.ground.parameters import FactoredMatrix, Parameters, columns_of
from service.core.ground.problems import Problem, Samples
from service.core.ground.results import Certificate, GlobalMinimum, Minima, Solution
from service.core.ground.roles import Certifier
from service.core.ground.rules import Finding, Judgement
from service.core.losses.expected import fit_of
from service.core.several_outputs.weights.minimum import minimum_point, padded
from service.vocabulary import Loss, PointKind

APART: Final = 2.0**20
"""Ratio of the sizes of inputs from which other units may help."""
NAME: Final = "inputs in units of their sizes"


@dataclass(frozen=True)
class ScaledInputs:
    """A problem with inputs of very different sizes, and the same one in units in which they are alike.

    Attributes
    ----------
    problem : Problem
    scale : (d,) array
        Powers of two.
    inside : Problem
        With inputs divided by the scale.
    lowered : (d,) array of bool
        Inputs whose weights decay more in these units.
    """

    problem: Problem
    scale: FloatArray
    inside: Problem
    lowered: BoolArray

    def answer(self, solve: Callable[[Problem], Minima]) -> Minima:
        """Global minimum of the problem."""
        found = solve(self.inside)
        minimum = self._minimum(found.solution.minimum)
        points = [point for point in found.solution.stationary_points if point.kind is PointKind.ORIGIN]
        if not minimum.trivial and minimum.parameters is not None:
            points.append(minimum_point(minimum))
        solution = replace(
            found.solution,
            minimum=minimum,
            stationary_points=tuple(points),
            completeness="not complete: the origin, where it is stationary, and the global minimum",
        )
        return replace(
            found,
            solution=solution,
            certificate=self._certificate(found.certificate),
            hypotheses=(Finding(NAME, Judgement(True, {"sizes_apart": self.apart})), *found.hypotheses),
            reductions=(NAME,),
        )

    def certificate(self, solution: Solution, certifier: Certifier) -> Certificate:
        """The certificate of any weights of the problem, by that of the same weights in other units."""
        minimum = solution.minimum
        seen = replace(
            minimum,
            end_to_end_map=minimum.end_to_end_map * self.scale,
            singular_values=_singular(minimum.end_to_end_map * self.scale),
            parameters=_scaled(minimum.parameters, self.scale),
        )
        return self._certificate(certifier(self.inside, replace(solution, minimum=seen)))

    @property
    def apart(self) -> float:
        """Ratio of the largest to the smallest size."""
        return float(self.scale.max() / self.scale.min())

    def _minimum(self, minimum: GlobalMinimum) -> GlobalMinimum:
        whole, evaluation = minimum.end_to_end_map / self.scale, self.problem.evaluation
        return replace(
            minimum,
            end_to_end_map=whole,
            singular_values=_singular(whole),
            parameters=_scaled(minimum.parameters, 1.0 / self.scale),
            evaluation_fit=None if evaluation is None else fit_of(evaluation, whole, minimum.output_offset),
        )

    def _certificate(self, certificate: Certificate) -> Certificate:
        limit = certificate.norm_limit
        return replace(certificate, norm_limit=None if limit is None else limit / float(self.scale.max()))


def scaled_inputs(problem: Problem) -> ScaledInputs | None:
    """The problem in units of the sizes of its inputs; None where they are alike or weights decay."""
    if not _is_chain(problem) or np.any(problem.network.weight_decays):
        return None
    sizes = _sizes(problem.data)
    seen = sizes > 0.0
    if not seen.any() or sizes[seen].max() <= APART * sizes[seen].min():
        return None
    return _scaled_by(problem, powers_of_two(sizes), np.zeros(sizes.size, dtype=bool))


def lowered_inputs(problem: Problem) -> ScaledInputs | None:
    """The problem with large inputs brought nearer to the others, for several outputs, hidden noise and decay."""
    network = problem.network
    noisy = network.outputs > 1 and bool(np.any(network.noise_variances))
    if not noisy or not _is_chain(problem) or not np.all(network.weight_decays > 0.0):
        return None
    sizes = _sizes(problem.data)
    large = sizes > FREE
    if not large.any() or not (sizes[~large] > 0.0).any():
        return None
    return _scaled_by(problem, np.where(large, powers_of_two(sizes) / APART, 1.0), large)


def _sizes(data: Moments) -> FloatArray:
    sizes: FloatArray = np.sqrt(np.maximum(data.xx.diagonal(), 0.0))
    return sizes


def _is_chain(problem: Problem) -> bool:
    """Whether trained layers alone see the inputs, under squared loss."""
    frozen = any(layer.frozen_weights is not None for layer in problem.network.layers)
    return problem.moments is not None and problem.loss is Loss.SQUARED and not problem.network.skips and not frozen


def _scaled_by(problem: Problem, scale: FloatArray, lowered: BoolArray) -> ScaledInputs:
    samples = problem.samples
    if samples is not None:
        samples = Samples(samples.x / scale, samples.y)
    moments = _moments(problem.data, scale)
    inside = replace(problem, moments=moments, samples=samples, evaluation=None, extremes=None)
    return ScaledInputs(problem, scale, inside, lowered)


def _moments(data: Moments, scale: FloatArray) -> Moments:
    factor, mean = data.factor, None if data.x_mean is None else data.x_mean / scale
    if factor is not None:
        own = np.concatenate((factor.scale[: factor.inputs] / scale, factor.scale[factor.inputs :]))
        return moments_of_factor(replace(factor, x_mean=factor.x_mean / scale, scale=own))
    return replace(
        data,
        xx=data.xx / scale / scale[:, None],
        xy=data.xy / scale[:, None],
        x_mean=mean,
        sizes=None if data.sizes is None else data.sizes / scale,
    )


def _scaled(parameters: Parameters | None, factor: FloatArray) -> Parameters | None:
    """Weights with the columns of the first layer multiplied by a factor (d,)."""
    if parameters is None:
        return None
    first, *others = parameters.weights
    right = columns_of(first.right) * factor[:, None]
    return replace(parameters, weights=(FactoredMatrix(first.left, first.values, right), *others))


def _singular(matrix: FloatArray) -> FloatArray:
    values = np.asarray(np.linalg.svd(matrix, compute_uv=False), dtype=np.float64)
    return padded(values, min(matrix.shape))
