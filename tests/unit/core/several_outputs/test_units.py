"""Units of the inputs change the units of the map and nothing else, with several outputs as with one."""

from fractions import Fraction

import numpy as np
import pytest

from service.core.dispatch import solve
from service.core.ground.data.conditioned import Moments, moments_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Network, Problem, Samples
from service.core.ground.results import Minima
from service.vocabulary import Bias
from tests.support.exact_numbers import of_samples
from tests.support.exact_truth import objective

SAME_LOSS = 1e-12
LARGEST_EXPONENT = 40
KINDS = ("samples", "moments", "fewer samples than inputs", "a duplicate")


class Drawn:
    """Samples, a network without decay, and units for the inputs."""

    def __init__(self, kind: str, seed: int) -> None:
        rng = np.random.default_rng([KINDS.index(kind), seed])
        inputs, outputs, layers = int(rng.integers(2, 7)), int(rng.integers(2, 5)), int(rng.integers(1, 4))
        count = int(rng.integers(inputs + 2, 30))
        x = rng.standard_normal((count, inputs))
        misfit = 10.0 ** -rng.integers(0, 9) * rng.standard_normal((count, outputs))
        self.x, self.y = x, x @ rng.standard_normal((inputs, outputs)) + misfit
        if kind == "a duplicate":
            self.x[:, 0] = self.x[:, 1]
        if kind == "fewer samples than inputs":
            self.x, self.y = self.x[: max(inputs - 2, 1)], self.y[: max(inputs - 2, 1)]
        widths = [*(int(rng.integers(1, outputs + 2)) for _ in range(layers - 1)), outputs]
        self.network = Network(
            tuple(Layer(width) for width in widths), bias=Bias.OUTPUT if rng.integers(2) else Bias.NONE
        )
        self.units = np.ldexp(1.0, rng.integers(-LARGEST_EXPONENT, LARGEST_EXPONENT + 1, inputs))
        self.raw = kind == "moments"

    def answer(self, units: FloatArray) -> Minima:
        data = moments_of(self.x * units, self.y)
        if self.raw:
            data = Moments(data.xx, data.xy, data.yy, data.n, data.x_mean, data.y_mean)
        return solve(Problem(self.network, data))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kind", KINDS)
def test_units_change_neither_the_loss_nor_the_word(kind: str, seed: int) -> None:
    drawn = Drawn(kind, seed)
    before, after = drawn.answer(np.ones_like(drawn.units)), drawn.answer(drawn.units)
    losses = [each.solution.minimum.loss for each in (before, after)]
    assert abs(losses[0] - losses[1]) <= SAME_LOSS * float(np.mean(np.sum(drawn.y**2, axis=1)))
    assert before.solution.minimum.rank == after.solution.minimum.rank
    if kind in ("samples", "moments"):
        assert before.status is after.status


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("exponent", [20, 25, 40])
def test_a_small_input_is_not_dropped_beside_a_large_one(layers: int, exponent: int) -> None:
    signs = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    weights = np.array([[1.0, 1.0], [2.0, 0.0]])
    units = np.ldexp(1.0, np.array([exponent, -exponent]))
    network = Network(tuple(Layer(2) for _ in range(layers)))
    found = solve(Problem(network, moments_of(signs * units, signs @ weights)))
    minimum = found.solution.minimum
    assert minimum.loss <= 1e-27
    assert found.certificate.holds
    assert np.allclose(minimum.end_to_end_map * units, weights.T, rtol=0.0, atol=1e-14)
    ordered = np.sort(minimum.singular_values)
    # the columns of the map are (1, 1) / t_1 and (2, 0) / t_2, with t_2 so small that only its part beside counts
    assert np.allclose(ordered, [np.ldexp(1.0, -exponent), np.ldexp(2.0, exponent)], rtol=1e-9, atol=0.0)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("decays", [(0.0,), (0.0, 0.0, 0.0), (1e-3,), (1e-3, 2e-6), (1e-4, 1e-2, 1e-3)])
@pytest.mark.parametrize("bias", [Bias.NONE, Bias.OUTPUT])
def test_the_loss_that_is_told_is_that_of_the_weights(bias: Bias, decays: tuple[float, ...], seed: int) -> None:
    rng = np.random.default_rng([seed, len(decays)])
    x = rng.standard_normal((9, 3)) + 2.0
    y = x @ rng.standard_normal((3, 2)) + 10.0 ** -rng.integers(0, 9) * rng.standard_normal((9, 2))
    # with decay some inputs are too small to matter, which is theirs to tell
    x *= np.ldexp(1.0, rng.integers(-LARGEST_EXPONENT, LARGEST_EXPONENT + 1, 3))
    widths = [3] * (len(decays) - 1) + [2]
    layers = tuple(Layer(width, weight_decay=decay) for width, decay in zip(widths, decays, strict=True))
    found = solve(Problem(Network(layers, bias=bias), moments_of(x, y), Samples(x, y)))
    minimum = found.solution.minimum
    assert minimum.parameters is not None
    weights = [weight.dense() for weight in minimum.parameters.weights]
    biases = [None if column is None else column.dense()[:, 0] for column in minimum.parameters.biases]
    true = objective(of_samples(x, y), weights, decays, biases)
    # far below the squares that cancel in the error lies what twice the working precision cannot tell
    assert abs(Fraction(minimum.loss) - true) <= true / 10**9 + Fraction(float(np.sum(y * y))) / 10**28
    assert Fraction(found.certificate.upper_bound) >= true
