"""The least that the largest Hessian eigenvalue can be at a global minimum of a linear network, between two bounds.

Below: one combination of the outputs sees a network of one output, where every mixture of directions is a bound.
Above: explicit weights.  With one output, and with white inputs, the two meet.  Proof: ``docs/theory/flatness.md``.
"""

from dataclasses import dataclass
from math import exp
from typing import Final

import numpy as np
from scipy.optimize import minimize

from service.core.flatness.chains import lowest
from service.core.flatness.tangents import Frame, Tangents
from service.core.ground.numbers.arrays import FloatArray

_ROUNDING: Final = 1e-14
"""Share of the lower bound by which rounding can raise it, for each direction of the inputs."""
_POWERS: Final = (0.0, 0.5, 1.0, 2.0)
"""Powers of the second moment by which combinations of the outputs are tried for the lower bound."""
_ROUNDS: Final = 120
_MET: Final = 1e-11
_THOROUGH: Final = 1e9
"""Operations of all evaluations together up to which two numbers are searched for."""


@dataclass(frozen=True, slots=True)
class Flattest:
    """Bounds on the least sharpness of all global minima.

    Attributes
    ----------
    sharpness : float
        Of explicit weights: the least that is known to be reached.
    lower_bound : float
        No global minimum has a smaller one.
    spectrum : (k q,) array
        Eigenvalues of the Hessian at these weights, descending, without the zeros that every such network has.
    layer_norms : (L,) array
        Frobenius norms of the layers there.
    """

    sharpness: float
    lower_bound: float
    spectrum: FloatArray
    layer_norms: FloatArray


def flattest(tangents: Tangents) -> Flattest:
    """The flattest global minimum.

    Parameters
    ----------
    tangents : Tangents
        Of a network whose hidden layers are no narrower than the rank of the least-squares map.

    Notes
    -----
    One output: some sixty evaluations of O(q), then one O(q^3).  k outputs: up to 120 times k eigenvalue problems of
    size q.
    """
    frame = tangents.singular
    norms, below = flattest_norms(tangents, frame)
    blocks = _blocks(tangents, frame, norms)
    spectrum = np.sort(np.concatenate([2.0 * np.linalg.eigvalsh(block) for block in blocks]))[::-1]
    spectrum = np.maximum(spectrum, 0.0)
    sharpness = float(spectrum[0])
    lower = sharpness if below is None else min(2.0 * below * (1.0 - _ROUNDING * tangents.spread.size), sharpness)
    layer_norms = [float(np.linalg.norm(weight)) for weight in flattest_weights(tangents, frame, norms)]
    return Flattest(sharpness, lower, spectrum, np.array(layer_norms))


def flattest_norms(tangents: Tangents, frame: Frame) -> tuple[FloatArray, float | None]:
    """Norms (r,) of what follows the first layer in each direction of the outputs, and half the bound from below.

    Without a bound every minimum is as flat: one layer, or the zero map.
    """
    if not frame.values.size or tangents.layers == 1:
        return np.ones(frame.values.size), None
    found = [lowest(tangents, tangents.chain.T @ unit) for unit in _combinations(tangents)]
    best = max(found, key=lambda one: one.value)
    return np.array([best.norm]) if len(tangents.chain) == 1 else _norms(tangents, frame, best.value), best.value


def flattest_weights(tangents: Tangents, frame: Frame, norms: FloatArray) -> list[FloatArray]:
    """Weights of a network of hidden widths r that reach the map, the first layer divided by the norms of the rest.

    The first layer is the map with its directions of the outputs divided by their norms (r,), the others are diagonal
    and share the norms equally.
    """
    shared = norms ** (1.0 / max(tangents.layers - 1, 1))
    if tangents.layers == 1:
        return [tangents.least_squares]
    first = (frame.left.T @ tangents.least_squares) / norms[:, None]
    return [first, *[np.diag(shared)] * (tangents.layers - 2), frame.left * shared]


def _combinations(tangents: Tangents) -> list[FloatArray]:
    """Unit combinations (k,) of the outputs; the one that sees the sharpest chain bounds best."""
    if len(tangents.chain) == 1:
        return [np.ones(1)]
    weighed = [tangents.chain * tangents.spread**power for power in _POWERS]
    return [np.linalg.svd(matrix, full_matrices=False)[0][:, 0] for matrix in weighed]


def _norms(tangents: Tangents, frame: Frame, below: float) -> FloatArray:
    """Norms (r,) of what follows the first layer in each direction of the outputs: ``alpha values^beta``.

    White inputs have their best at ``beta = 1 - 1/L``, where the bound from below is met; elsewhere the search comes
    near.
    """
    scale = float(np.sqrt(tangents.spread.max()))
    start = np.array([0.0, (tangents.layers - 1) / tangents.layers])

    def norms(numbers: FloatArray) -> FloatArray:
        return np.asarray(exp(float(numbers[0])) * (frame.values / scale) ** numbers[1])

    def sharpness(numbers: FloatArray) -> float:
        return max(float(np.linalg.eigvalsh(block)[-1]) for block in _blocks(tangents, frame, norms(numbers)))

    costly = frame.values.size * tangents.spread.size**3 * _ROUNDS > _THOROUGH
    if costly or sharpness(start) <= below * (1.0 + _MET):
        return norms(start)
    found = minimize(sharpness, start, method="Nelder-Mead", options={"maxfev": _ROUNDS, "xatol": 1e-10, "fatol": 0.0})
    return norms(found.x if found.fun < sharpness(start) else start)


def _blocks(tangents: Tangents, frame: Frame, norms: FloatArray) -> list[FloatArray]:
    """Blocks (q, q) of the tangent kernel at these weights, one for each direction of the outputs."""
    layers, bias = tangents.layers, _bias(tangents)
    if layers == 1:
        return [np.diag(tangents.spread) + bias] * len(tangents.chain)
    above, found = layers - 1, []
    for norm in norms:
        block = np.diag(norm**2 * tangents.spread) + bias
        for layer in range(2, layers + 1):
            reach = norm ** (2.0 * (layers - layer) / above)
            sizes = reach * (frame.values / norms) ** 2 * norms ** (2.0 * (layer - 2) / above)
            block += (frame.right * sizes) @ frame.right.T
        found.append(block)
    # directions that the map does not use are reached by the last layer alone
    last = (frame.right * frame.values**2 * norms ** (-2.0 / above)) @ frame.right.T + bias
    return [*found, *[last] * (len(tangents.chain) - norms.size)]


def _bias(tangents: Tangents) -> FloatArray:
    size = tangents.spread.size
    return np.zeros((size, size)) if tangents.fixed is None else np.outer(tangents.fixed, tangents.fixed)
