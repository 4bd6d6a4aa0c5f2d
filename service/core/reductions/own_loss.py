"""What given weights cost in the problem itself, whatever it was reduced to."""

from dataclasses import dataclass, replace

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem
from service.core.ground.results import Terms
from service.core.losses.enclosed import EnclosedLoss
from service.core.reductions.enclosed import best_offset, enclosed_weights
from service.core.reductions.graph import gradient_norm
from service.core.reductions.objective import seen_problem, without_biases
from service.core.reductions.step import Step, Weights


@dataclass(frozen=True)
class OwnLoss:
    """The problem's own loss at some weights, with its error.

    ``slope`` is the norm of the gradient, ``slope_size`` that of its terms; ``offset`` is what the biases add up to.
    """

    loss: EnclosedLoss
    slope: float
    slope_size: float
    offset: FloatArray

    @property
    def terms(self) -> Terms:
        """Nearest values."""
        return self.loss.terms


def evaluated(problem: Problem, weights: Weights, offset: FloatArray | None = None) -> OwnLoss:
    """Loss and gradient of the problem's own; free biases are at their best where no offset (k,) is given."""
    seen, inner, roots = _unweighted(problem, weights)
    if offset is None:
        offset = free_offset(problem, weights)
    loss = enclosed_weights(seen, inner, offset, roots)
    share = sum(step.share for step in seen_problem(problem)[1])
    loss = replace(loss, error=loss.error + share * loss.upper)
    centred = without_biases(seen)
    slope, size = gradient_norm(centred.problem if isinstance(centred, Step) else seen, inner)
    return OwnLoss(loss, slope, size, offset)


def free_offset(problem: Problem, weights: Weights) -> FloatArray:
    """What free biases (k,) add to every prediction at their best; zero without any."""
    seen, inner, roots = _unweighted(problem, weights)
    if not seen.network.bias_layers or seen.data.centred:
        return np.zeros(seen.data.outputs)
    best = best_offset(seen, inner)
    return best if roots is None else best / roots


def _unweighted(problem: Problem, weights: Weights) -> tuple[Problem, Weights, FloatArray | None]:
    """The problem with an unweighted error, its weights, and the roots of the weights of outputs, if there are any."""
    seen, steps = seen_problem(problem)
    for step in steps:
        weights = step.project(weights)
    return seen, weights, np.diag(root_of_weights(seen)) if steps else None


def root_of_weights(problem: Problem) -> FloatArray:
    """Last layer (k, k) of a problem that `seen_problem` returned: roots of the weights of outputs on its diagonal."""
    matrix = problem.network.layers[-1].frozen_weights
    return np.eye(problem.network.outputs) if matrix is None else matrix
