"""Small one-output problems whose quantities can be read off."""

from dataclasses import replace

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Moments, Network, Problem
from service.core.one_output.branches import Branch, Branches
from service.core.one_output.reduced import reduce


def network(
    depth: int, decay: float = 0.1, noise: float = 0.0, width: int = 3, decays: FloatArray | None = None
) -> Network:
    """A one-output network, all layers alike unless their decays are given."""
    each = np.full(depth + 1, decay) if decays is None else decays
    hidden = (Layer(width, weight_decay=float(g), noise_variance=noise) for g in each[:-1])
    return Network((*hidden, Layer(1, weight_decay=float(each[-1]))), bias_weight_decays=(0.0,) * (depth + 1))


def diagonal(values: FloatArray, target: FloatArray, yy: float | None = None) -> Moments:
    """Uncorrelated inputs of variance ``values`` with ``xy = target``; by default the targets are explained whole."""
    explained = float(np.sum(target**2 / values))
    return Moments(np.diag(values), target[:, None], explained if yy is None else yy)


TWO_INPUTS = Moments(np.array([[1.25, 0.5], [0.5, 1.0]]), np.array([[0.9], [0.4]]), 1.0)


def problem(depth: int, moments: Moments = TWO_INPUTS, **changes: float) -> Problem:
    """A network of equal layers on the data."""
    return Problem(network(depth, **changes), moments)  # type: ignore[arg-type]  # a width is given as a whole number


def with_decays_times(base: Problem, factor: float) -> Problem:
    """The same problem, every decay multiplied."""
    layers = tuple(replace(layer, weight_decay=layer.weight_decay * factor) for layer in base.network.layers)
    return replace(base, network=replace(base.network, layers=layers))


def with_noise(base: Problem, variances: FloatArray) -> Problem:
    """The same problem with other noise on the hidden layers."""
    hidden = (
        replace(layer, noise_variance=float(s)) for layer, s in zip(base.network.layers[:-1], variances, strict=True)
    )
    layers = (*hidden, base.network.layers[-1])
    return replace(base, network=replace(base.network, layers=layers))


def branches_of(base: Problem) -> tuple[Branch, ...]:
    """All non-zero stationary maps."""
    return Branches(reduce(base.network, base.data)).all


def random_spectrum(rng: np.random.Generator, spread: float = 6.0) -> tuple[FloatArray, FloatArray]:
    """Eigenvalues over some decades and a target with weight on all of them."""
    size = int(rng.integers(1, 6))
    values = 10.0 ** rng.uniform(-spread, 0.0, size)
    target: FloatArray = np.sqrt(values) * 10.0 ** rng.uniform(-1.0, 1.0, size)
    return values, target


SIX_ROOTS = (diagonal(np.array([1e-4, 1e-2, 1.0]), np.array([0.09, 0.26, 1.0])), 0.385)
"""Data and decay of a network with two hidden layers that has six non-zero stationary maps, three of them minima."""
FOUR_ROOTS = (diagonal(np.array([1e-5, 1.0]), np.array([np.sqrt(0.5e-5), 1.0])), 0.006)
"""The same with four; the minimum of largest norm is not the best."""
