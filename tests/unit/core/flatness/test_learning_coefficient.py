"""Learning coefficients: by hand, against older formulas, against ranks of Hessians, and against sampled volumes."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise, product

import numpy as np
import pytest

from service.core.curvature.hessian import dense_hessian
from service.core.dispatch import Extras, solve
from service.core.flatness.learning_coefficient import coefficient_of, of_sizes
from service.core.ground.problems import Layer, Moments, Network, Problem
from service.core.losses.dense import DenseParameters
from service.vocabulary import Bias, Evidence
from tests.support.flatness import instance
from tests.support.volumes import slope_of_volume


def two_layers(inputs: int, hidden: int, outputs: int, rank: int) -> tuple[Fraction, int]:
    """Aoyagi, Watanabe 2005: reduced rank regression."""
    if outputs + rank > inputs + hidden:
        return Fraction(hidden * inputs - hidden * rank + outputs * rank, 2), 1
    if inputs + rank > outputs + hidden:
        return Fraction(hidden * outputs - hidden * rank + inputs * rank, 2), 1
    if hidden + rank > inputs + outputs:
        return Fraction(inputs * outputs, 2), 1
    both = hidden + rank
    value = -(both**2) - inputs**2 - outputs**2 + 2 * both * (inputs + outputs) + 2 * inputs * outputs
    odd = (inputs + hidden + outputs + rank) % 2
    return Fraction(value + odd, 8), 1 + odd


def test_all_small_two_layer_networks() -> None:
    cases = list(product(range(1, 8), repeat=3))
    tried = 0
    for inputs, hidden, outputs in cases:
        for rank in range(min(inputs, hidden, outputs) + 1):
            found = of_sizes((inputs, hidden, outputs), rank)
            assert found == two_layers(inputs, hidden, outputs, rank), (inputs, hidden, outputs, rank)
            tried += 1
    assert tried == 1127


@pytest.mark.parametrize(
    ("sizes", "rank", "value", "multiplicity"),
    [
        ((3, 4), 2, Fraction(6), 1),  # linear regression: half the number of weights
        ((1, 1, 1), 0, Fraction(1, 2), 2),  # (u v)^2
        ((1, 1, 1, 1), 0, Fraction(1, 2), 3),  # (u v w)^2
        ((1, 1, 1), 1, Fraction(1, 2), 1),  # (u v - 1)^2
        ((2, 1, 1), 0, Fraction(1, 2), 1),  # (u^2 + v^2) w^2: w alone counts
    ],
)
def test_by_hand(sizes: tuple[int, ...], rank: int, value: Fraction, multiplicity: int) -> None:
    assert of_sizes(sizes, rank) == (value, multiplicity)


@pytest.mark.parametrize("sizes", list(product(range(1, 5), repeat=4)))
def test_no_more_than_half_of_all_directions_and_no_order_of_hidden_layers(sizes: tuple[int, ...]) -> None:
    for rank in range(min(sizes) + 1):
        value, multiplicity = of_sizes(sizes, rank)
        weights = sum(one * other for one, other in pairwise(sizes))
        assert 0 < value <= Fraction(min(weights, sizes[0] * sizes[-1]), 2)
        assert multiplicity >= 1
        assert of_sizes((sizes[0], sizes[2], sizes[1], sizes[3]), rank) == (value, multiplicity)
        assert of_sizes(sizes[::-1], rank) == (value, multiplicity)


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("bias", [Bias.NONE, Bias.OUTPUT])
def test_maps_of_full_rank_count_their_directions(layers: int, outputs: int, bias: Bias) -> None:
    problem = instance(layers, outputs, 3, bias=bias, width=5)
    found = coefficient_of(problem, solve(problem))
    assert not isinstance(found, str)
    assert found.value == 0.5 * outputs * (4 + (bias is Bias.OUTPUT))
    assert found.multiplicity == 1
    assert found.evidence is Evidence.PROVED


@pytest.mark.parametrize(
    ("layers", "outputs", "noise"), [(1, 1, 0.0), (2, 1, 0.0), (3, 1, 0.0), (2, 3, 0.0), (2, 1, 0.3), (3, 1, 0.3)]
)
def test_with_decay_it_is_half_the_rank_of_the_hessian(layers: int, outputs: int, noise: float) -> None:
    problem = instance(layers, outputs, 4, decay=0.05, width=5, noise=noise)
    minima = solve(problem)
    found, parameters = coefficient_of(problem, minima), minima.solution.minimum.parameters
    assert not isinstance(found, str)
    assert parameters is not None
    point = DenseParameters(tuple(weight.dense() for weight in parameters.weights), (None,) * layers)
    values = np.linalg.eigvalsh(dense_hessian(problem, point))
    assert found.value == 0.5 * np.count_nonzero(values > 1e-8 * values[-1])
    assert found.evidence is Evidence.CERTIFIED


def test_a_collapsed_network_counts_every_direction_and_a_degenerate_one_has_none() -> None:
    collapsed = instance(2, 1, 5, decay=100.0)
    found = coefficient_of(collapsed, solve(collapsed))
    assert not isinstance(found, str)
    assert found.value == 0.5 * (4 * 4 + 4)
    # at the critical decay the origin has flat directions
    edge = Problem(Network((Layer(1, weight_decay=1.0),) * 2), Moments(np.eye(1), np.array([[1.0]]), 2.0))
    assert isinstance(coefficient_of(edge, solve(edge)), str)


def test_a_bottleneck_needs_one_best_map() -> None:
    network = Network((Layer(1), Layer(2)))
    two_best = Problem(network, Moments(np.eye(2), np.eye(2), 3.0))
    assert "are equal" in str(coefficient_of(two_best, solve(two_best)))
    one_best = Problem(network, Moments(np.eye(2), np.diag([2.0, 1.0]), 6.0))
    found = coefficient_of(one_best, solve(one_best))
    assert not isinstance(found, str)
    assert (found.value, found.multiplicity) == (1.5, 1)


def test_inputs_without_variation_do_not_count() -> None:
    flat = instance(2, 1, 6)
    moments = Moments(np.diag([1.0, 0.0]), np.array([[1.0], [0.0]]), 2.0)
    problem = replace(flat, moments=moments, samples=None)
    found = coefficient_of(problem, solve(problem, Extras(reductions=True)))
    assert not isinstance(found, str)
    assert found.value == 0.5


@pytest.mark.parametrize(("sizes", "rank"), [((1, 1, 1), 0), ((1, 1, 1, 1), 0), ((2, 1, 2), 1), ((1, 2, 1), 0)])
def test_volumes_fall_as_told(sizes: tuple[int, ...], rank: int) -> None:
    value, multiplicity = of_sizes(sizes, rank)
    told, found, error = slope_of_volume(sizes, rank, float(value), multiplicity, seed=1, count=400_000)
    # levels are finite: the next term is of the order of one over their logarithm
    assert abs(found - told) < max(0.08, 4.0 * error)
