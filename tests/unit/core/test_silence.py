"""Numbers at the end of double precision neither warn nor hang: they are answered or refused."""

import numpy as np
import pytest

from service.core.dispatch import solve
from service.core.ground.data.moments import check
from service.core.ground.problems import Layer, Moments, Network, Problem
from service.errors import InputError, ServiceError
from service.vocabulary import Bias


@pytest.mark.parametrize("variance", [1e-300, 1e150, 1e300, 1.5e308])
@pytest.mark.parametrize("bias", [Bias.NONE, Bias.OUTPUT, Bias.ALL])
@pytest.mark.parametrize("decay", [0.0, 1e-300, 1.0, 1e300])
def test_any_noise_and_decay(variance: float, bias: Bias, decay: float) -> None:
    layers = (
        Layer(5, weight_decay=decay, noise_variance=variance),
        Layer(3, weight_decay=0.1),
        Layer(1, weight_decay=0.1),
    )
    moments = Moments(
        np.array([[1.25, 0.5], [0.5, 1.0]]), np.array([[0.9], [0.4]]), 1.0, None, np.array([0.5, 0.25]), np.array([0.2])
    )
    network = Network(layers, bias=bias, bias_weight_decays=(0.0,) * 3)
    try:
        found = solve(Problem(network, moments))
    except ServiceError:
        return
    assert found.certificate.lower_bound <= found.solution.minimum.loss * (1.0 + 1e-9)


def test_a_huge_count_does_not_excuse_impossible_moments() -> None:
    moments = Moments(np.array([[1.0, 0.0], [0.0, 1e-3]]), np.array([[0.5], [0.5]]), 1.0, n=10**15)
    with pytest.raises(InputError):
        check(moments)
