"""The least that the largest Hessian eigenvalue can be at a global minimum of a linear network, between two bounds.

Below: one combination of the outputs sees a network of one output, where every mixture of directions is a bound.
Above: explicit weights, whose layers above the first share one norm.  The two meet with one output, two layers or white
inputs, and wherever the largest eigenvalue is simple at the best norm.  Proof: ``docs/theory/flatness.md``.
"""

from dataclasses import dataclass
from math import exp
from typing import Final

import numpy as np

from service.core.flatness.chains import lowest
from service.core.flatness.scale import LeastScale, Pencil, least_over_scales
from service.core.flatness.tangents import Frame, Tangents
from service.core.ground.numbers.arrays import FloatArray

_ROUNDING: Final = 1e-14
"""Share of the lower bound by which rounding can raise it, for each direction of the inputs."""
_ROUNDS: Final = 6
"""Combinations of the outputs that are tried for the bound from below."""
_MET: Final = 1e-11
_WHITE: Final = 1e-12
"""Relative difference of second moments up to which inputs count as white."""


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
    One output: some sixty evaluations of O(q), then one O(q^3).  k outputs: some fifteen largest eigenvalues of size q,
    up to six times as many where the bounds do not meet at once.
    """
    frame = tangents.singular
    norms, below = flattest_norms(tangents, frame)
    spectrum = np.sort(2.0 * np.concatenate(_eigenvalues(tangents, frame, norms)))[::-1]
    spectrum = np.maximum(spectrum, 0.0)
    # inputs that are zero show no weight
    sharpness = float(spectrum.max(initial=0.0))
    lower = sharpness if below is None else min(2.0 * below * (1.0 - _ROUNDING * tangents.spread.size), sharpness)
    layer_norms = [float(np.linalg.norm(weight)) for weight in flattest_weights(tangents, frame, norms)]
    return Flattest(sharpness, lower, spectrum, np.array(layer_norms))


def flattest_norms(tangents: Tangents, frame: Frame) -> tuple[FloatArray, float | None]:
    """Norms (r,) of what follows the first layer in each direction of the outputs, and half the bound from below.

    Without a bound every minimum is as flat: one layer, or the zero map.
    """
    if not frame.values.size or tangents.layers == 1:
        return np.ones(frame.values.size), None
    if len(tangents.chain) == 1:
        alone = lowest(tangents, tangents.chain[0])
        return np.array([alone.norm]), alone.value
    if tangents.spread.min() >= (1.0 - _WHITE) * tangents.spread.max():
        # balanced weights, whose spectrum has a closed form, are as flat as others
        scale = float(np.sqrt(tangents.spread.max()))
        norms = (frame.values / scale) ** ((tangents.layers - 1) / tangents.layers)
        return norms, lowest(tangents, tangents.chain.T @ frame.left[:, 0]).value
    rest = tangents.chain.T @ tangents.chain
    found = least_over_scales(Pencil(np.diag(tangents.spread), rest, _bias_or_none(tangents), tangents.layers))
    below = found.lower_bound if tangents.layers == 2 else _of_combinations(tangents, found)
    return np.full(frame.values.size, exp(found.scale)), below


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


def _of_combinations(tangents: Tangents, found: LeastScale) -> float:
    """The best bound from single combinations of the outputs, each improved in turn with directions of the inputs.

    With ``X`` the mixture of directions that bounds all outputs, the top eigenvector of ``V X V'`` is the combination
    that the next network of one output has.  A pure X gives that bound itself.
    """
    mixture, best = found.mixture, 0.0
    for _ in range(_ROUNDS):
        unit = np.linalg.svd(tangents.chain @ mixture, full_matrices=False)[0][:, 0]
        row = unit @ tangents.chain
        if not row.any():
            break
        pencil = Pencil(np.diag(tangents.spread), np.outer(row, row), _bias_or_none(tangents), tangents.layers)
        alone = least_over_scales(pencil)
        rises, best, mixture = alone.lower_bound > best * (1.0 + _MET), max(best, alone.lower_bound), alone.mixture
        if not rises or best >= found.lower_bound * (1.0 - _MET):
            break
    return min(best, found.lower_bound)


def _eigenvalues(tangents: Tangents, frame: Frame, norms: FloatArray) -> list[FloatArray]:
    """Those of the blocks (q, q) of the tangent kernel, one for each direction of the outputs."""
    outputs = len(tangents.chain)
    if tangents.layers == 1:
        return [_ascending(np.diag(tangents.spread) + _bias(tangents))] * outputs
    used: list[FloatArray] = []
    for index, norm in enumerate(norms):
        alike = index > 0 and norm == norms[index - 1]
        used.append(used[-1] if alike else _ascending(_block(tangents, frame, norms, float(norm))))
    if len(used) == outputs:
        return used
    # directions that the map does not use are reached by the last layer alone
    sizes = frame.values**2 * norms ** (-2.0 / (tangents.layers - 1))
    last = (frame.right * sizes) @ frame.right.T + _bias(tangents)
    return [*used, *[_ascending(last)] * (outputs - len(used))]


def _block(tangents: Tangents, frame: Frame, norms: FloatArray, norm: float) -> FloatArray:
    """The block of a direction of the outputs that is followed by ``norm``."""
    layers, above = tangents.layers, tangents.layers - 1
    block: FloatArray = np.diag(norm**2 * tangents.spread) + _bias(tangents)
    for layer in range(2, layers + 1):
        reach = norm ** (2.0 * (layers - layer) / above)
        sizes = reach * (frame.values / norms) ** 2 * norms ** (2.0 * (layer - 2) / above)
        block = block + (frame.right * sizes) @ frame.right.T
    return block


def _ascending(matrix: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.eigvalsh(matrix), dtype=np.float64)


def _bias(tangents: Tangents) -> FloatArray:
    size = tangents.spread.size
    return np.zeros((size, size)) if tangents.fixed is None else np.outer(tangents.fixed, tangents.fixed)


def _bias_or_none(tangents: Tangents) -> FloatArray | None:
    return None if tangents.fixed is None else _bias(tangents)
