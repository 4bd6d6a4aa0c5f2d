"""Noise of no consequence: values are those of the weights, and the search is not led astray by rounding."""

import numpy as np
import pytest

from service.core.dispatch import solve
from service.core.ground.problems import Problem
from service.core.losses.dense import DenseParameters
from service.core.losses.expected import terms_of
from service.core.several_outputs.noise.first_layer import BestFirstLayer
from service.core.several_outputs.squared_error.quadratic import quadratic_of
from service.vocabulary import Status
from tests.support.outputs_instances import network_of, random_moments, random_shape


def drawn(seed: int, noise: float, decay: float = 0.0) -> Problem:
    rng = np.random.default_rng(seed)
    shape = random_shape(rng, 3, 3)
    return Problem(network_of(shape, [decay] * 3, [noise] * 2), random_moments(rng, shape))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("noise", "decay"), [(0.3, 1e-3), (1e-20, 1e-3), (0.3, 0.0), (5.0, 1e-6)])
def test_a_sum_of_positive_terms_is_the_loss_of_the_weights(noise: float, decay: float, seed: int) -> None:
    problem = drawn(seed, noise, decay)
    quadratic = quadratic_of(problem)
    reduced = BestFirstLayer(quadratic, problem.network)
    point = np.random.default_rng(seed).standard_normal(sum(rows * columns for rows, columns in reduced.shapes))
    upper = reduced.split(point)
    first = quadratic.expand(reduced.first(upper).T).T
    terms = terms_of(problem.network, problem.data, DenseParameters.without_biases([first, *upper]))
    assert reduced.evaluated(point) == pytest.approx(terms.loss, rel=1e-11)
    assert reduced.evaluated(point) == pytest.approx(reduced.value_and_gradient(point)[0], rel=1e-8)


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("power", [-300, -30, -20, -16])
def test_noise_below_rounding_leaves_an_undecayed_minimum_certified(power: int, seed: int) -> None:
    found = solve(drawn(seed, 10.0**power))
    assert found.status in (Status.CERTIFIED, Status.EXACT)
    assert found.certificate.lower_bound <= found.certificate.upper_bound
