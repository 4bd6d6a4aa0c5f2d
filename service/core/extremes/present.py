"""Inputs that are zero in all samples drop out exactly: no weight of theirs changes a prediction, decay wants none."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from service.core.ground.data.conditioned import Moments, moments_of_factor
from service.core.ground.extremes import Extremes
from service.core.ground.numbers.arrays import BoolArray, FloatArray
from service.core.ground.numbers.factor import triangle
from service.core.ground.parameters import FactoredMatrix, Parameters, columns_of
from service.core.ground.problems import Problem, Samples
from service.core.ground.results import GlobalMinimum, Minima, Solution
from service.core.losses.expected import fit_of
from service.core.several_outputs.weights.minimum import padded
from service.vocabulary import Loss


@dataclass(frozen=True)
class PresentInputs:
    """A problem with inputs that are zero, and the same one without them.

    Attributes
    ----------
    problem : Problem
    kept : (d,) array of bool
    inside : Problem
    """

    problem: Problem
    kept: BoolArray
    inside: Problem

    def lifted(self, found: Minima) -> Minima:
        """An answer without these inputs as one with weights of zero for them."""
        minimum = found.solution.minimum
        whole = np.zeros((minimum.end_to_end_map.shape[0], self.kept.size))
        whole[:, self.kept] = minimum.end_to_end_map
        evaluation = self.problem.evaluation
        reported = replace(
            minimum,
            end_to_end_map=whole,
            singular_values=padded(minimum.singular_values, min(whole.shape)),
            parameters=None if minimum.parameters is None else self._first(minimum.parameters, self._with_zeros),
            evaluation_fit=None if evaluation is None else fit_of(evaluation, whole, minimum.output_offset),
        )
        return replace(found, solution=replace(found.solution, minimum=reported))

    def restricted(self, solution: Solution) -> Solution:
        """A claimed solution without the weights of these inputs, which are zero."""
        minimum: GlobalMinimum = solution.minimum
        part = minimum.end_to_end_map[:, self.kept]
        seen = replace(
            minimum,
            end_to_end_map=part,
            singular_values=np.asarray(np.linalg.svd(part, compute_uv=False), dtype=np.float64),
            parameters=None if minimum.parameters is None else self._first(minimum.parameters, self._without),
        )
        return replace(solution, minimum=seen)

    def leaves_out(self, solution: Solution) -> bool:
        """Whether the weights of these inputs are zero."""
        parameters = solution.minimum.parameters
        none = not np.any(solution.minimum.end_to_end_map[:, ~self.kept])
        if parameters is None or not none:
            return none
        first = parameters.weights[0]
        right = columns_of(first.right)[~self.kept]
        # a matrix that was written out has unit vectors on its right
        return not right.any() or not np.any((columns_of(first.left) * first.values) @ right.T)

    def _with_zeros(self, right: FloatArray) -> FloatArray:
        whole = np.zeros((self.kept.size, right.shape[1]))
        whole[self.kept] = right
        return whole

    def _without(self, right: FloatArray) -> FloatArray:
        part: FloatArray = right[self.kept]
        return part

    @staticmethod
    def _first(parameters: Parameters, change: Callable[[FloatArray], FloatArray]) -> Parameters:
        first, *others = parameters.weights
        return replace(
            parameters, weights=(FactoredMatrix(first.left, first.values, change(columns_of(first.right))), *others)
        )


def present_inputs(problem: Problem) -> PresentInputs | None:
    """The problem without inputs that are zero; None where there are none, all are zero, or a skip reads them.

    An input that is zero only because it was too small for decay is not one of these: the bound is charged for it.
    """
    if problem.moments is None:
        return None
    kept: BoolArray = problem.data.xx.diagonal() != 0.0
    if kept.all():
        return None
    extremes = problem.extremes
    if extremes is not None:
        kept |= extremes.absent != 0.0
    network = problem.network
    chain = not network.skips and all(layer.frozen_weights is None for layer in network.layers)
    if kept.all() or not kept.any() or not chain or problem.loss is not Loss.SQUARED:
        return None
    samples = problem.samples
    inside = replace(
        problem,
        moments=_moments(problem.data, kept),
        samples=None if samples is None else Samples(samples.x[:, kept], samples.y),
        evaluation=None,
        extremes=None if extremes is None else Extremes(extremes.lowered[kept], extremes.absent[kept]),
    )
    return PresentInputs(problem, kept, inside)


def _moments(data: Moments, kept: BoolArray) -> Moments:
    factor = data.factor
    if factor is not None:
        columns = np.concatenate((kept, np.ones(factor.outputs, dtype=bool)))
        part = replace(
            factor, x_mean=factor.x_mean[kept], scale=factor.scale[columns], r=triangle(factor.r[:, columns])
        )
        return moments_of_factor(part)
    return replace(
        data,
        xx=data.xx[np.ix_(kept, kept)],
        xy=data.xy[kept],
        x_mean=None if data.x_mean is None else data.x_mean[kept],
        sizes=None if data.sizes is None else data.sizes[kept],
    )
