"""The exact loss of a noisy linear network as a function of all layers but the first, which is at its best.

Noise enters through second moments, so that the loss is quadratic in every layer; the first sees the inputs, whose
second moments are diagonal in the right basis, and its best weights are one division a coordinate.  See
``docs/theory/dropout.md``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.linalg import lapack

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Network
from service.core.ground.stopping import should_stop
from service.core.several_outputs.squared_error.quadratic import Quadratic

ABSENT = 1e-14
"""Relative curvature below which a direction of the hidden layer counts as unused."""
NEWTON_STEPS = 400
SETTLED = 1e-13
MOST_DAMPING = 1e8
LEAST_DAMPING = 1e-10
"""Relative to the mean curvature: rotations of hidden units leave flat directions."""


@dataclass(frozen=True)
class BestFirstLayer:
    """``min over W_1`` of the expected squared error and the decay.

    Attributes
    ----------
    quadratic : Quadratic
        Squared error of the mean prediction, noise on the inputs folded in.
    network : Network
        Two or more linear layers without biases.
    """

    quadratic: Quadratic
    network: Network

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Shapes of the layers that remain, from the second on."""
        widths = [layer.width for layer in self.network.layers]
        return list(zip(widths[1:], widths[:-1], strict=True))

    def split(self, point: FloatArray) -> list[FloatArray]:
        """The layers (width, inputs) from the second on, out of one vector (P,)."""
        layers: list[FloatArray] = []
        begin = 0
        for rows, columns in self.shapes:
            layers.append(point[begin : begin + rows * columns].reshape(rows, columns))
            begin += rows * columns
        return layers

    def first(self, upper: Sequence[FloatArray]) -> FloatArray:
        """The best first layer (d_1, rho), in the basis of the inputs."""
        curvatures, products = self._backwards(upper)
        return self._best(curvatures[0], products[0])

    def value_and_gradient(self, point: FloatArray) -> tuple[float, FloatArray]:
        """Loss at the layers of ``point`` (P,) with their best first layer, and its gradient (P,).

        Notes
        -----
        The derivative in the first layer vanishes, so that it counts as fixed.  O(d_1^3 + d_1^2 rho) and the products
        of the upper layers.
        """
        upper = self.split(point)
        curvatures, products = self._backwards(upper)
        if not np.all(np.isfinite(curvatures[0])):
            # a step too long for float64 is one that does not descend
            return float("inf"), np.zeros_like(point)
        first = self._best(curvatures[0], products[0])
        layers = self.network.layers
        second = (first * self.quadratic.scales**2) @ first.T
        target = first @ self.quadratic.correlation.T
        value = self.quadratic.total - float(np.sum(products[0].T * target))
        gradient = np.empty_like(point)
        begin = 0
        for index, weight in enumerate(upper, start=1):
            noise = layers[index - 1].noise_variance
            second = _noisy(second, noise)
            decay = layers[index].weight_decay
            value += decay * float(np.vdot(weight, weight))
            pulled = weight @ second
            slope = curvatures[index] @ pulled - (target @ products[index]).T + decay * weight
            gradient[begin : begin + weight.size] = 2.0 * slope.ravel()
            begin += weight.size
            second, target = pulled @ weight.T, weight @ target
        return value, gradient

    def evaluated(self, point: FloatArray) -> float:
        """The same loss at ``point`` (P,) as a sum of positive terms, at the first layer as rounding leaves it.

        Notes
        -----
        Where the upper layers hardly use a direction of the hidden units, rounding of its curvature makes the first
        layer huge and `value_and_gradient`, a difference, as low as it likes.
        """
        upper, quadratic, layers = self.split(point), self.quadratic, self.network.layers
        first = self.first(upper)
        mean = first * quadratic.scales
        added = np.zeros((len(first), len(first)))
        decay = layers[0].weight_decay * float(np.vdot(first, first))
        for index, weight in enumerate(upper, start=1):
            spread = np.sum(mean * mean, axis=1) + added.diagonal()
            added = weight @ (added + np.diag(layers[index - 1].noise_variance * spread)) @ weight.T
            mean = weight @ mean
            decay += layers[index].weight_decay * float(np.vdot(weight, weight))
        misfit = mean - quadratic.target
        value = quadratic.residual + float(np.vdot(misfit, misfit)) + float(np.trace(added)) + decay
        return value if np.isfinite(value) else float("inf")

    def hessian(self, point: FloatArray) -> FloatArray:
        """Second derivatives (P, P) of the same function of P weights.

        Notes
        -----
        Forward mode over all unit directions at once, in which the first layer moves so that it stays at its best.
        O(P d_1^2 (d_1 + rho)) and memory for P copies of the layers.
        """
        layers, squares = self.network.layers, self.quadratic.scales**2
        upper, size = self.split(point), point.size
        moves = [part.reshape(size, *shape) for part, shape in zip(self._unit_moves(), self.shapes, strict=True)]
        curvatures, products = self._backwards(upper)
        first = self._best(curvatures[0], products[0])
        nothing = np.zeros((1, self.network.outputs, self.network.outputs))
        bent, bent_products = [nothing], [nothing]
        for index in range(len(upper), 0, -1):
            weight, move = upper[index - 1], moves[index - 1]
            crossed = weight.T @ (curvatures[index] @ move)
            change = crossed + crossed.transpose(0, 2, 1) + weight.T @ (bent[0] @ weight)
            bent.insert(0, _noisy(change, layers[index - 1].noise_variance))
            bent_products.insert(0, bent_products[0] @ weight + products[index] @ move)
        pull = bent_products[0].transpose(0, 2, 1) @ self.quadratic.correlation - bent[0] @ (first * squares)
        moved = self._solved(curvatures[0], pull)
        second, target = (first * squares) @ first.T, first @ self.quadratic.correlation.T
        crossed = (moved * squares) @ first.T
        second_moved, target_moved = crossed + crossed.transpose(0, 2, 1), moved @ self.quadratic.correlation.T
        rows: list[FloatArray] = []
        for index, (weight, move) in enumerate(zip(upper, moves, strict=True), start=1):
            noise = layers[index - 1].noise_variance
            second, second_moved = _noisy(second, noise), _noisy(second_moved, noise)
            pulled = weight @ second
            pulled_moved = move @ second + weight @ second_moved
            slope = bent[index] @ pulled + curvatures[index] @ pulled_moved
            slope = slope - (target_moved @ products[index] + target @ bent_products[index]).transpose(0, 2, 1)
            rows.append((slope + layers[index].weight_decay * move).reshape(size, -1))
            crossed = pulled @ move.transpose(0, 2, 1)
            second_moved = crossed + crossed.transpose(0, 2, 1) + weight @ second_moved @ weight.T
            target_moved = move @ target + weight @ target_moved
            second, target = pulled @ weight.T, weight @ target
        hessian = 2.0 * np.concatenate(rows, axis=1)
        symmetric: FloatArray = 0.5 * (hessian + hessian.T)
        return symmetric

    def _unit_moves(self) -> list[FloatArray]:
        sizes = [rows * columns for rows, columns in self.shapes]
        return np.split(np.eye(sum(sizes)), np.cumsum(sizes)[:-1], axis=1)

    def _backwards(self, upper: Sequence[FloatArray]) -> tuple[list[FloatArray], list[FloatArray]]:
        """For each layer the derivative of the error in the second moments of its outputs, and the product above it."""
        outputs = self.network.outputs
        curvatures, products = [np.eye(outputs)], [np.eye(outputs)]
        for weight, layer in zip(upper[::-1], self.network.layers[-2::-1], strict=True):
            curvatures.insert(0, _noisy(weight.T @ curvatures[0] @ weight, layer.noise_variance))
            products.insert(0, products[0] @ weight)
        return curvatures, products

    def _best(self, curvature: FloatArray, product: FloatArray) -> FloatArray:
        return self._solved(curvature, product.T @ self.quadratic.correlation)

    def _solved(self, curvature: FloatArray, pull: FloatArray) -> FloatArray:
        """The layer X with ``curvature X diag(scales^2) + decay X = pull``, zero where nothing holds it."""
        values, frame = np.linalg.eigh(curvature)
        values = np.where(values > ABSENT * values[-1], values, 0.0)
        bends = values[:, None] * self.quadratic.scales**2 + self.network.layers[0].weight_decay
        held = bends > 0.0
        solved: FloatArray = frame @ ((frame.T @ pull) * (held / np.where(held, bends, 1.0)))
        return solved


def _noisy(second: FloatArray, variance: float) -> FloatArray:
    """Second moments (..., d, d) behind noise of mean one."""
    if not variance:
        return second
    noisy = second.copy()
    diagonal = np.arange(second.shape[-1])
    noisy[..., diagonal, diagonal] *= 1.0 + variance
    return noisy


def descend(problem: BestFirstLayer, start: FloatArray, steps: int = NEWTON_STEPS) -> tuple[float, FloatArray]:
    """Damped Newton steps from a point (P,) towards a stationary one below; value and point.

    Notes
    -----
    A step costs one Hessian and a Cholesky decomposition, or a few where the damping grows.
    """
    at = _Reached(start, *problem.value_and_gradient(start))
    damping, total = 1e-3, problem.quadratic.total
    for _ in range(steps):
        if at.length <= SETTLED * total or should_stop():
            break
        hessian = problem.hessian(at.point)
        scale = abs(float(np.trace(hessian))) / start.size
        following = None
        while following is None and damping < MOST_DAMPING:
            step = _damped(hessian, damping * scale, at.gradient)
            if step is not None:
                tried = _Reached(at.point - step, *problem.value_and_gradient(at.point - step))
                expected = float(at.gradient @ step) - 0.5 * float(step @ hessian @ step)
                gained = at.value - tried.value
                # where values differ by rounding only, the gradient decides
                if gained > 0.0 or (gained >= -1e-13 * total and tried.length < 0.9 * at.length):
                    following = tried
                    if gained > 0.5 * expected or abs(gained) <= 1e-13 * total:
                        damping *= 0.5
                    elif gained < 0.1 * expected:
                        damping *= 3.0
                    break
            damping *= 3.0
        if following is None:
            break
        at, damping = following, max(damping, LEAST_DAMPING)
    return at.value, at.point


class _Reached(NamedTuple):
    """A point with value and gradient."""

    point: FloatArray
    value: float
    gradient: FloatArray

    @property
    def length(self) -> float:
        return float(np.linalg.norm(self.gradient))


def _damped(hessian: FloatArray, shift: float, gradient: FloatArray) -> FloatArray | None:
    """Newton step of a shifted Hessian, ``None`` where it is not positive."""
    factor, info = lapack.dpotrf(hessian + shift * np.eye(gradient.size), lower=1, overwrite_a=1)
    if info != 0:
        return None
    step: FloatArray = lapack.dpotrs(factor, gradient, lower=1)[0]
    return step
