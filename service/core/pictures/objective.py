"""One face for the losses that pictures are drawn of: exact moments for linear layers, samples for all others."""

from collections.abc import Callable
from typing import Protocol, TypeAlias

import numpy as np

from service.core.curvature.hessian import hessian_product
from service.core.curvature.products import HessianProducts
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem, Samples, shapes_of
from service.core.losses import expected, nonlinear
from service.core.losses.dense import DenseParameters, flatten, unflatten
from service.vocabulary import Activation, Loss

Product: TypeAlias = Callable[[FloatArray], FloatArray]
"""Hessian times a flat vector."""


class FlatObjective(Protocol):
    """Loss, gradient and Hessian at flat points, in the order of `service.core.losses.dense.flatten`."""

    like: DenseParameters

    def slope(self, point: FloatArray) -> tuple[float, FloatArray]:
        """Loss and gradient (P,) at a point (P,)."""

    def products(self, point: FloatArray) -> Product:
        """The Hessian at a point (P,) as a map of vectors (P,), never formed."""

    def margin(self, point: FloatArray) -> float:
        """Least distance of a pre-activation from a kink at a point (P,); infinite where the loss is smooth."""


def uses_moments(problem: Problem) -> bool:
    """Whether the moments determine the loss: linear layers and squared loss."""
    linear = all(layer.activation is Activation.LINEAR for layer in problem.network.layers)
    return linear and problem.loss is Loss.SQUARED


def objective_of(problem: Problem) -> FlatObjective:
    """The objective of a feedforward problem with data, without skips and frozen layers.

    Raises
    ------
    ValueError
        If samples are needed and the problem has none.
    """
    if uses_moments(problem):
        return _MomentsObjective(problem)
    if problem.samples is None:
        raise ValueError("a loss that is not quadratic in the outputs, or a nonlinear layer, needs samples")
    return _SamplesObjective(problem, problem.samples)


def shape_of(problem: Problem) -> DenseParameters:
    """Weights and biases of zeros in the shapes of the problem."""
    network = problem.network
    shapes = shapes_of(network, problem.data.inputs)
    biases = tuple(np.zeros(rows) if network.has_bias(index) else None for index, (rows, _) in enumerate(shapes))
    return DenseParameters(tuple(np.zeros(shape) for shape in shapes), biases)


class _MomentsObjective:
    """Exact expected loss of linear layers, noise included."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self.like = shape_of(problem)

    def slope(self, point: FloatArray) -> tuple[float, FloatArray]:
        network, moments, parameters = self._problem.network, self._problem.data, unflatten(point, self.like)
        gradient: FloatArray = flatten(expected.gradient_of(network, moments, parameters))
        # a mean of squares, though it is computed as a difference
        return max(float(expected.loss_of(network, moments, parameters)), 0.0), gradient

    def products(self, point: FloatArray) -> Product:
        parameters = unflatten(point, self.like)
        return lambda vector: hessian_product(self._problem, parameters, vector)

    def margin(self, point: FloatArray) -> float:  # noqa: ARG002 - a polynomial has no kinks anywhere
        return np.inf


class _SamplesObjective:
    """Mean loss over samples, without noise."""

    def __init__(self, problem: Problem, samples: Samples) -> None:
        self._problem, self._samples = problem, samples
        self.like = shape_of(problem)

    def slope(self, point: FloatArray) -> tuple[float, FloatArray]:
        found = self._evaluate(point)
        gradient: FloatArray = flatten(found.gradient)
        return found.loss, gradient

    def products(self, point: FloatArray) -> Product:
        operator = HessianProducts(
            self._problem.network, self._problem.loss, unflatten(point, self.like), self._samples
        )

        def product(vector: FloatArray) -> FloatArray:
            turned: FloatArray = flatten(operator.times(unflatten(vector, self.like)))
            return turned

        return product

    def margin(self, point: FloatArray) -> float:
        return self._evaluate(point).margin

    def _evaluate(self, point: FloatArray) -> nonlinear.Evaluation:
        return nonlinear.evaluate(self._problem.network, self._problem.loss, unflatten(point, self.like), self._samples)
