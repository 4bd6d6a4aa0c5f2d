"""Rank-one chains on plain numbers against the dense second-moment recursion."""

from dataclasses import replace

import numpy as np
import pytest

from service.core.ground.data.moments import moments_of
from service.core.ground.parameters import FactoredMatrix, Parameters, UniformColumn
from service.core.ground.problems import Layer, Network
from service.core.losses.chain import chain_loss, chain_of
from service.core.losses.dense import end_to_end, flatten
from service.core.losses.expected import decay_of, gradient_of, loss_of, terms_of
from service.vocabulary import Bias
from tests.support.instances import dense


def example(seed: int) -> tuple[Network, Parameters, np.random.Generator]:
    """Any rank-one uniform weights, stationary or not, with biases along the same columns."""
    rng = np.random.default_rng(seed)
    depth = seed % 5
    widths = [int(width) for width in rng.integers(1, 6, depth)]
    layers = [
        Layer(width, weight_decay=float(rng.random()), noise_variance=float(rng.choice([0.0, 0.6]))) for width in widths
    ]
    bias = list(Bias)[seed % 4]
    network = Network(
        (*layers, Layer(1, weight_decay=0.3)), float(rng.choice([0.0, 0.2])), bias, tuple(rng.random(depth + 1))
    )
    columns: list[np.ndarray[tuple[int, ...], np.dtype[np.float64]] | UniformColumn] = [
        UniformColumn(width**-0.5, width) for width in widths
    ]
    lefts, rights = [*columns, np.ones((1, 1))], [rng.normal(size=(3, 1)), *columns]
    weights = tuple(FactoredMatrix(left, rng.normal(size=1), right) for left, right in zip(lefts, rights, strict=True))
    biases = tuple(
        FactoredMatrix(left, rng.normal(size=1), np.ones((1, 1))) if network.has_bias(index) else None
        for index, left in enumerate(lefts)
    )
    return network, Parameters(weights, biases), rng


@pytest.mark.parametrize("seed", range(40))
def test_loss_terms_gradient_and_map_of_a_chain(seed: int) -> None:
    network, parameters, rng = example(seed)
    moments = moments_of(rng.normal(size=(9, 3)) + 1.0, rng.normal(size=(9, 1)) - 0.5)
    chain = chain_of(network, parameters)
    assert chain is not None
    found, full = chain_loss(network, moments, chain), dense(parameters)
    assert found.loss == pytest.approx(float(loss_of(network, moments, full)), rel=1e-12)
    terms = terms_of(network, moments, full)
    assert (found.fit, found.noise) == pytest.approx((terms.fit, terms.noise), rel=1e-11, abs=1e-12)
    assert found.decay == pytest.approx(float(decay_of(network, full)), rel=1e-13)
    gradient = flatten(gradient_of(network, moments, full))
    assert found.gradient_norm == pytest.approx(float(np.linalg.norm(gradient)), rel=1e-11)
    product, offset = end_to_end(full)
    np.testing.assert_allclose(found.end_to_end_map, product[0], rtol=1e-12)
    assert found.offset == pytest.approx(float(offset[0]), rel=1e-12, abs=1e-14)
    least = min(float(np.linalg.norm(weight)) for weight in full.weights)
    assert found.least_layer_norm == pytest.approx(least, rel=1e-13)


def test_other_weights_are_no_chain() -> None:
    network, parameters, rng = example(3)
    first, second, *others = parameters.weights
    unequal = replace(first, left=rng.normal(size=(first.shape[0], 1)))
    assert chain_of(network, replace(parameters, weights=(unequal, second, *others))) is None
    of_rank_two = replace(first, values=np.ones(2), right=rng.normal(size=(3, 2)))
    assert chain_of(network, replace(parameters, weights=(of_rank_two, second, *others))) is None
