"""Bounds that separate over singular values close for all noise and decay, however little of the loss is left."""

import mpmath as mp  # type: ignore[import-untyped]  # it has no stubs
import numpy as np
import pytest

from service.core.dispatch import solve
from service.core.ground.data.conditioned import Moments
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Network, Problem
from service.core.ground.results import Minima
from service.vocabulary import Status

DIGITS = 60
SECOND = 0.25
"""Second moment of every input, a power of two."""


def white(seed: int, outputs: int = 3) -> Moments:
    """White inputs, and targets that a linear map of rank three explains but for the rounding of their mean square."""
    rng = np.random.default_rng(seed)
    xy = rng.standard_normal((4, outputs)) @ np.diag(0.5 ** np.arange(outputs))
    yy = float(np.sum(xy**2)) / SECOND * (1.0 + 1e-15)
    return Moments(SECOND * np.eye(4), xy, yy, 50)


def solved(moments: Moments, decays: list[float], noise: float = 0.0) -> Minima:
    layers = (
        Layer(4, weight_decay=decays[0], noise_variance=noise),
        Layer(moments.outputs, weight_decay=decays[1]),
    )
    return solve(Problem(Network(layers), moments))


def exact_values(xy: FloatArray) -> list[mp.mpf]:
    """Singular values of the least-squares map where inputs are white, descending."""
    matrix = mp.matrix(xy.tolist())
    return sorted((mp.sqrt(value / SECOND) for value in mp.eigsy(matrix.T * matrix, eigvals_only=True)), reverse=True)


def least_under_noise(moments: Moments, noise: float) -> mp.mpf:
    """``min sum_i (s_i - v_i)^2 + (noise / 4) (sum_i s_i)^2`` and what no map explains, in closed form."""
    values, share = exact_values(moments.xy), mp.mpf(noise) / 4
    best = mp.inf
    for kept in range(len(values) + 1):
        level = mp.fsum(values[:kept]) / (kept + 1 / share)
        shrunk = [max(value - level, mp.mpf(0)) for value in values]
        loss = mp.fsum((one - value) ** 2 for one, value in zip(shrunk, values, strict=True))
        best = min(best, loss + share * mp.fsum(shrunk) ** 2)
    return mp.mpf(moments.yy) - mp.fsum(value**2 for value in values) + best


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("power", [-14, -8, 0, 8, 15, 20, 80, 150])
def test_noise_of_any_size_closes_around_the_truth(power: int, seed: int) -> None:
    moments, noise = white(seed), 10.0**power
    found = solved(moments, [0.0, 0.0], noise)
    assert found.solution.solver == "dropout"
    assert found.status is Status.EXACT
    with mp.workdps(DIGITS):
        exact = least_under_noise(moments, noise)
        assert found.certificate.lower_bound <= exact <= found.certificate.upper_bound


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("decay", [1e-12, 1e-9, 1e-4, 1.0])
def test_decay_of_any_size_closes_around_the_truth(decay: float, seed: int) -> None:
    moments = white(seed)
    found = solved(moments, [decay, decay])
    assert found.solution.solver == "factorisation"
    assert found.status is Status.EXACT
    with mp.workdps(DIGITS):
        values = exact_values(moments.xy)
        half = mp.mpf(decay) / mp.sqrt(SECOND)
        # (s - v)^2 + 2 h s is least at v - h
        costs = [2 * half * value - half**2 if value > half else value**2 for value in values]
        exact = mp.mpf(moments.yy) - mp.fsum(value**2 for value in values) + mp.fsum(costs)
        assert found.certificate.lower_bound <= exact <= found.certificate.upper_bound
        # what is left is a small part of the targets, and the bounds are right to a share of it
        width = found.certificate.upper_bound - found.certificate.lower_bound
        assert width <= 1e-9 * max(float(exact), 1e-6 * moments.yy)
