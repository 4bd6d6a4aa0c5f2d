"""Searches below an answer: restarts of L-BFGS, and descents that begin at the returned weights."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy.optimize import minimize

from service.core.ground.data.moments import moments_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Network, Problem, Samples, shapes_of
from service.core.ground.results import Minima
from service.core.losses.dense import DenseParameters, flatten, unflatten
from service.core.losses.expected import loss_and_gradient
from service.operations.mapping.examples import EXAMPLES, load
from service.vocabulary import Bias, Task

BELOW: Final = 1e-8
"""Relative lead of a search that counts."""
RESTARTS: Final = 12
HIDDEN: Final = 8


@dataclass(frozen=True)
class Opponent:
    """The exact expected loss of a network without biases, for L-BFGS, with inputs in units near their own size.

    Attributes
    ----------
    problem : Problem
    units : (d,) array
        Powers of two that the columns of the first layer are divided by.
    """

    problem: Problem
    units: FloatArray

    @classmethod
    def of(cls, problem: Problem) -> "Opponent":
        """With each input divided by its root mean square, to the nearest power of two."""
        size = np.sqrt(np.maximum(problem.data.xx.diagonal(), 0.0))
        return cls(problem, np.where(size > 0.0, 2.0 ** np.round(np.log2(np.where(size > 0.0, size, 1.0))), 1.0))

    @property
    def template(self) -> DenseParameters:
        """Zeros of the right shapes."""
        shapes = shapes_of(self.problem.network, self.problem.data.inputs)
        return DenseParameters.without_biases([np.zeros(shape) for shape in shapes])

    def value_and_gradient(self, point: FloatArray) -> tuple[float, FloatArray]:
        """Loss at a point in scaled coordinates, in units of ``yy``, and its gradient."""
        scaled = unflatten(point, self.template)
        first, *rest = scaled.weights
        parameters = DenseParameters.without_biases([first / self.units, *rest])
        with np.errstate(over="ignore", invalid="ignore"):
            loss, gradient = loss_and_gradient(self.problem.network, self.problem.data, parameters)
        if not np.isfinite(loss):
            return 1e30, np.zeros_like(point)
        slopes = DenseParameters.without_biases([gradient.weights[0] / self.units, *gradient.weights[1:]])
        return loss / self.problem.data.yy, flatten(slopes) / self.problem.data.yy

    def point_of(self, minima: Minima) -> FloatArray:
        """The weights of an answer in scaled coordinates; zeros where all are zero."""
        parameters = minima.solution.minimum.parameters
        if parameters is None:
            return np.zeros(flatten(self.template).size)
        first, *rest = (weight.dense() for weight in parameters.weights)
        return np.concatenate([(first * self.units).ravel(), *(weight.ravel() for weight in rest)])

    def random(self, rng: np.random.Generator, size: float) -> FloatArray:
        """Gaussian weights, each layer of gain ``size``."""
        weights = self.template.weights
        return np.concatenate([size * rng.standard_normal(part.size) / np.sqrt(part.shape[1]) for part in weights])

    def descend(self, start: FloatArray, iterations: int) -> float:
        """Loss that L-BFGS reaches."""
        found = minimize(
            self.value_and_gradient,
            start,
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": iterations, "maxfun": 2 * iterations, "ftol": 1e-16, "gtol": 1e-12, "maxcor": 20},
        )
        return float(found.fun) * self.problem.data.yy


@dataclass(frozen=True)
class Lead:
    """How far searches stay above a loss, relative to it; negative where one goes below.

    Attributes
    ----------
    restarts : float
        The lowest restart.
    near : float
        The lowest descent that began at the returned weights, or a millionth beside them.
    """

    restarts: float
    near: float

    @property
    def least(self) -> float:
        """The lower of the two."""
        return min(self.restarts, self.near)


def lead_over(minima: Minima, problem: Problem, restarts: int, iterations: int, seed: int = 0) -> Lead:
    """Search below an answer on ``problem``, which has no bias and stands for the one that was solved."""
    opponent, rng = Opponent.of(problem), np.random.default_rng(seed)
    loss = minima.solution.minimum.loss
    unit = max(abs(loss), 1e-12 * problem.data.yy)
    sizes = (0.5, 1.0, 1.5)
    found = [opponent.descend(opponent.random(rng, sizes[run % 3]), iterations) for run in range(restarts)]
    # an infimum that is not attained has no weights to begin at
    near = loss
    if minima.solution.minimum.attained:
        weights = opponent.point_of(minima)
        beside = weights * (1.0 + 1e-6 * rng.standard_normal(weights.size))
        near = min(opponent.descend(weights, iterations), opponent.descend(beside, iterations))
    return Lead((min(found) - loss) / unit, (near - loss) / unit)


def unbiased(problem: Problem) -> Problem:
    """The same problem without undecayed biases, which take the means off."""
    network, data = problem.network, problem.data
    if not network.bias_layers or data.x_mean is None or data.y_mean is None:
        return problem
    centred = replace(
        data,
        xx=data.xx - np.outer(data.x_mean, data.x_mean),
        xy=data.xy - np.outer(data.x_mean, data.y_mean),
        yy=data.yy - float(data.y_mean @ data.y_mean),
        x_mean=None,
        y_mean=None,
    )
    return Problem(replace(network, bias=Bias.NONE, bias_weight_decays=()), centred)


def raw_table(name: str) -> tuple[FloatArray, FloatArray]:
    """A bundled data set as published, with labels one-hot."""
    data = load(name, raw=True)
    if next(row.task for row in EXAMPLES if row.name == name) is Task.CLASSIFICATION:
        return data.x, (data.y == np.unique(data.y)).astype(float)
    return data.x, data.y


def raw_problem(name: str, n_layers: int, decay: float, *, biased: bool) -> tuple[Problem, Problem]:
    """A network on a raw data set, with or without an output bias, and the problem for its opponent."""
    x, y = raw_table(name)
    layers = tuple(Layer(width, weight_decay=decay) for width in (HIDDEN,) * (n_layers - 1) + (y.shape[1],))
    plain = Network(layers)
    network = replace(plain, bias=Bias.OUTPUT, bias_weight_decays=(0.0,) * n_layers) if biased else plain
    problem = Problem(network, moments_of(x, y), Samples(x, y))
    if biased:
        x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    return problem, Problem(plain, moments_of(x, y))
