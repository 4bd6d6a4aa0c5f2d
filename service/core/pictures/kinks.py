"""Pre-activations at the kinks of ReLU networks, and the element of least norm among their generalised gradients.

At a kink the slope of the activation may be anything between its left and its right one.  With slopes ``t_k`` of the
pre-activations ``z_k`` at their kinks the generalised gradients are ``G(t)``, and ``dG/dt_k = e_k grad z_k`` with the
error ``e_k`` of the output of unit ``k``: the least norm is a bounded least-squares problem.  A kink bends the loss
upwards where ``e_k (right - left) >= 0``; where it bends the loss downwards no slope in between makes a minimum, and
both sides are tried.  Statement and proof: ``docs/theory/kinks.md``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
from scipy.optimize import lsq_linear

from service.core.ground.numbers.arrays import BoolArray, FloatArray, IntArray
from service.core.ground.problems import Layer, Problem, Samples
from service.core.losses.dense import DenseParameters, flatten
from service.core.losses.nonlinear import Backward, backward, derivative, forward
from service.vocabulary import RELU_LOSSES, Activation

ON_KINK: Final = 1e-10
"""Share of the size of a pre-activation below which it counts as on its kink; forward passes round to some 1e-15."""
DIRECT: Final = 300
"""Kinks up to which the bounded problem is solved by an active set; above, by an interior method."""
ROUNDS: Final = 6
MOST_NUMBERS: Final = 20_000_000
"""Derivatives of pre-activations that are kept; with more kinks than that the gradient of the left sides is taken."""


Places: TypeAlias = tuple[IntArray, IntArray, IntArray]
"""Layers, samples and units."""


@dataclass(frozen=True, slots=True)
class Subgradient:
    """A generalised gradient at or near kinks.

    Attributes
    ----------
    vector : (P,) array
    norm : float
        Of the vector.
    layers, samples, units : (m,) arrays
        Places of the kinks.
    shares : (m,) array
        Of the right slope at each kink, from 0 to 1.
    rows : (m, P) array
        Derivatives of the pre-activations at the kinks.
    values : (m,) array
        Those pre-activations.
    slopes : list of (n, width) arrays
        Slopes of all activations.
    """

    vector: FloatArray
    layers: IntArray
    samples: IntArray
    units: IntArray
    shares: FloatArray
    rows: FloatArray
    values: FloatArray
    slopes: list[FloatArray]

    @property
    def norm(self) -> float:
        """Length of the vector."""
        return float(np.linalg.norm(self.vector))


def has_kinks(problem: Problem) -> bool:
    """Whether an activation has a kink that the trainer knows: the loss itself must be smooth."""
    kinked = any(_low(layer) is not None for layer in problem.network.layers)
    return kinked and problem.samples is not None and problem.loss not in RELU_LOSSES


def _low(layer: Layer) -> float | None:
    """Left slope of a piecewise linear activation; None for the others."""
    if layer.activation is Activation.RELU:
        return 0.0
    return (layer.slope or 0.0) if layer.activation is Activation.LEAKY_RELU else None


class KinkedPoint:
    """A network with piecewise linear activations at one point: its pieces, and its slopes at kinks."""

    def __init__(self, problem: Problem, point: DenseParameters) -> None:
        assert problem.samples is not None  # noqa: S101 - see `has_kinks`
        self._problem, self._point = problem, point
        self._samples: Samples = problem.samples
        self._lows = [_low(layer) for layer in problem.network.layers]
        self._inputs, self._before = forward(problem.network, point, self._samples.x)
        self._own = [
            derivative(layer, values) for layer, values in zip(problem.network.layers, self._before, strict=True)
        ]

    def near(self, within: float) -> Places:
        """Layers, samples and units of the pre-activations within this share of their size of a kink."""
        found: list[tuple[int, int, int]] = []
        for index, low in enumerate(self._lows):
            if low is None or low == 1.0:
                continue
            close = np.abs(self._before[index]) <= within * self._sizes(index)
            found += [(index, int(sample), int(unit)) for sample, unit in np.argwhere(close)]
        places = np.array(found, dtype=np.int_).reshape(-1, 3)
        return places[:, 0], places[:, 1], places[:, 2]

    def _sizes(self, index: int) -> FloatArray:
        """What the pre-activations of a layer could be with all signs equal: what rounding is relative to."""
        bias = self._point.biases[index]
        rows = np.linalg.norm(self._point.weights[index], axis=1)
        size: FloatArray = np.linalg.norm(self._inputs[index], axis=1)[:, None] * rows
        return size if bias is None else size + np.abs(bias)

    def kinked(self) -> FloatArray:
        """All pre-activations of layers that have kinks, in one vector (m,)."""
        return np.concatenate(
            [values.ravel() for low, values in zip(self._lows, self._before, strict=True) if low is not None]
        )

    def values(self, places: Places) -> FloatArray:
        """Pre-activations (m,) at places."""
        found = [self._before[layer][sample, unit] for layer, sample, unit in zip(*places, strict=True)]
        return np.array(found, dtype=np.float64)

    def slopes(self, places: Places, shares: FloatArray) -> list[FloatArray]:
        """Slopes (n, width) of all activations, at the places a share (m,) of the right one."""
        slopes = [own.copy() for own in self._own]
        for layer, sample, unit, share in zip(*places, shares, strict=True):
            low = self._lows[layer] or 0.0
            slopes[layer][sample, unit] = low + share * (1.0 - low)
        return slopes

    def backward(self, slopes: Sequence[FloatArray]) -> Backward:
        """Loss, gradient and errors with these slopes (n, width)."""
        problem = self._problem
        return backward(problem.network, problem.loss, self._point, self._samples, self._inputs, slopes)

    def rows(self, places: Places, slopes: Sequence[FloatArray]) -> FloatArray:
        """Derivatives (m, P) of the pre-activations at the places, by one backward pass a layer."""
        layers, samples, units = places
        size = sum(part.size for part in (*self._point.weights, *self._point.biases) if part is not None)
        rows = np.zeros((len(layers), size))
        for top in np.unique(layers):
            chosen = np.flatnonzero(layers == top)
            rows[chosen] = self._rows_of(int(top), samples[chosen], units[chosen], slopes)
        return rows

    def _rows_of(self, top: int, samples: IntArray, units: IntArray, slopes: Sequence[FloatArray]) -> FloatArray:
        point = self._point
        weights: list[FloatArray] = [np.zeros((len(units), weight.size)) for weight in point.weights]
        biases: list[FloatArray | None] = [
            None if bias is None else np.zeros((len(units), bias.size)) for bias in point.biases
        ]
        error = np.zeros((len(units), len(point.weights[top])))
        error[np.arange(len(units)), units] = 1.0
        for index in range(top, -1, -1):
            weights[index] = (error[:, :, None] * self._inputs[index][samples][:, None, :]).reshape(len(units), -1)
            if biases[index] is not None:
                biases[index] = error
            if index:
                error = (error @ point.weights[index]) * slopes[index - 1][samples]
        return np.hstack([*weights, *(bias for bias in biases if bias is not None)])

    def least_norm(self, within: float = ON_KINK) -> Subgradient:
        """The generalised gradient of least norm; near kinks count as kinks if ``within`` says so.

        Where a kink bends the loss downwards, the larger of what its two sides give.
        """
        places, errors = self._felt(within)
        shares = np.full(len(errors), 0.5)
        if not len(errors):
            return self._with(places, shares)
        low = np.array([self._lows[layer] or 0.0 for layer in places[0]])
        several = len(np.unique(places[0])) > 1
        best: Subgradient | None = None
        for _ in range(ROUNDS if several else 1):
            found = self._with(places, shares)
            steep = (1.0 - low) * self._errors(places, found.slopes)
            columns = steep[:, None] * found.rows
            candidates = [self._with(places, new) for new in _least(found.vector, columns, shares, steep < 0.0)]
            worst = max(candidates, key=lambda one: one.norm)
            if best is not None and worst.norm >= best.norm * (1.0 - 1e-9):
                break
            best, shares = worst, worst.shares
        assert best is not None  # noqa: S101 - there is a round
        return best

    def _felt(self, within: float) -> tuple[Places, FloatArray]:
        """The kinks near the point that the loss feels, and the errors of their units."""
        places = self.near(within)
        errors = self._errors(places, self.slopes(places, np.full(len(places[0]), 0.5)))
        felt = np.flatnonzero(errors)
        size = sum(part.size for part in (*self._point.weights, *self._point.biases) if part is not None)
        if len(felt) * size > MOST_NUMBERS:
            felt = felt[:0]
        return (places[0][felt], places[1][felt], places[2][felt]), errors[felt]

    def _errors(self, places: Places, slopes: Sequence[FloatArray]) -> FloatArray:
        """Derivatives of the loss by the outputs of the units at the places."""
        errors = self.backward(slopes).errors
        found = [errors[layer][sample, unit] for layer, sample, unit in zip(*places, strict=True)]
        return np.array(found, dtype=np.float64)

    def _with(self, places: Places, shares: FloatArray) -> Subgradient:
        slopes = self.slopes(places, shares)
        vector: FloatArray = flatten(self.backward(slopes).gradient)
        return Subgradient(vector, *places, shares, self.rows(places, slopes), self.values(places), slopes)


def _least(vector: FloatArray, columns: FloatArray, shares: FloatArray, down: BoolArray) -> list[FloatArray]:
    """Shares in [0, 1] of least ``|vector + columns' (new - shares)|``, the ones of ``down`` at either end."""
    sides = (0.0, 1.0) if down.any() else (0.0,)
    found = []
    for side in sides:
        new = shares.copy()
        new[down] = side
        moved = vector + columns.T @ (new - shares)
        free = np.flatnonzero(~down & (np.linalg.norm(columns, axis=1) > 0.0))
        if free.size:
            method: Literal["bvls", "trf"] = "bvls" if free.size <= DIRECT else "trf"
            sizes = np.linalg.norm(columns[free], axis=1)
            ends = (-shares[free] * sizes, (1.0 - shares[free]) * sizes)
            change = lsq_linear(columns[free].T / sizes, -moved, bounds=ends, method=method, tol=1e-14).x / sizes
            new[free] = np.clip(shares[free] + change, 0.0, 1.0)
        found.append(new)
    return found
