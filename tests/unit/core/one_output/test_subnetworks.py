"""Stationary points of narrower networks inside a noisy one: no gradient, negative curvature, larger loss."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from service.core.curvature.dense import hessian_of
from service.core.dispatch import solve
from service.core.ground.problems import Layer, Network, Problem
from service.core.ground.results import StationaryPoint
from service.core.losses.dense import DenseParameters, flatten
from service.core.losses.expected import gradient_of, loss_of
from service.core.one_output.branches import Branches
from service.core.one_output.reduced import reduce
from service.core.one_output.subnetworks import subnetwork_points
from service.core.one_output.weights import balanced_parameters
from service.vocabulary import PointClass, PointKind
from tests.support.instances import value
from tests.support.one_output_cases import TWO_INPUTS, network


def active_widths(point: StationaryPoint) -> list[int]:
    widths = point.label["active_widths"]
    assert isinstance(widths, list)
    return widths


def embedded(base: Problem, active: list[int], log_ridge: float) -> DenseParameters:
    """The weights of the narrower network, with zeros for the silent neurons."""
    described, data = base.network, base.data
    narrow = replace(
        described,
        layers=tuple(replace(layer, width=m) for layer, m in zip(described.layers, [*active, 1], strict=True)),
    )
    reduced = reduce(narrow, data)
    small = balanced_parameters(narrow, data, reduced.map_at(float(np.exp(log_ridge))))
    widths = [data.inputs, *(layer.width for layer in described.layers)]
    weights = []
    for index, factored in enumerate(small.weights):
        entries = factored.dense()
        padded = np.zeros((widths[index + 1], widths[index]))
        padded[: entries.shape[0], : entries.shape[1]] = entries
        weights.append(padded)
    return DenseParameters.without_biases(weights)


@pytest.mark.parametrize("noises", [(0.5,), (0.3, 0.8), (0.0, 0.5), (0.4, 0.0, 0.4)])
def test_every_level_is_stationary_and_a_strict_saddle(noises: tuple[float, ...]) -> None:
    layers = [Layer(3 - (i == 2), weight_decay=0.02 * (i + 1), noise_variance=s) for i, s in enumerate(noises)]
    base = Problem(Network((*layers, Layer(1, weight_decay=0.03))), TWO_INPUTS)
    points = subnetwork_points(base, 100)
    seen = 0
    for narrow in map(list, {tuple(active_widths(point)) for point in points}):
        factor = float(np.sum(np.log1p(base.network.noise_variances / np.array(narrow))))
        losses = [point.loss for point in points if active_widths(point) == narrow]
        for branch, loss in zip(Branches(reduce(base.network, base.data, factor)).all, losses, strict=True):
            weights = embedded(base, narrow, branch.log_ridge)
            assert value(base, weights) == pytest.approx(loss, rel=1e-11)
            gradient = flatten(gradient_of(base.network, base.data, weights))
            assert float(np.abs(gradient).max()) < 1e-10
            assert float(np.linalg.eigvalsh(hessian_of(base.network, base.data, weights))[0]) < -1e-6
            seen += 1
    assert seen == len(points) > 0
    assert all(point.kind is PointKind.SUBNETWORK for point in points)
    assert all(point.point_class is PointClass.STRICT_SADDLE for point in points)
    assert min(point.loss for point in points) > solve(base).solution.minimum.loss


def test_splitting_a_neuron_keeps_map_and_decay_and_lowers_the_noise() -> None:
    base = Problem(network(2, 0.03, noise=0.5), TWO_INPUTS)
    factor = float(np.log1p(0.5 / 2) + np.log1p(0.5 / 3))
    branch = Branches(reduce(base.network, base.data, factor)).all[0]
    weights = embedded(base, [2, 3], branch.log_ridge).weights
    quiet = Problem(network(2, 0.03, noise=0.0), TWO_INPUTS)

    def split(angle: float) -> DenseParameters:
        first, second = weights[0].copy(), weights[1].copy()
        first[2], first[0] = np.sin(angle) * first[0], np.cos(angle) * first[0]
        second[:, 2], second[:, 0] = np.sin(angle) * second[:, 0], np.cos(angle) * second[:, 0]
        return DenseParameters.without_biases([first, second, weights[2]])

    at = value(base, split(0.0))
    assert value(quiet, split(0.3)) == pytest.approx(value(quiet, split(0.0)), rel=1e-14)
    angle = 1e-3
    fall = (value(base, split(angle)) - at) / angle**2
    noise = float(loss_of(base.network, base.data, split(0.0)) - loss_of(quiet.network, quiet.data, split(0.0)))
    assert fall < -0.05 * noise
    assert value(base, split(-angle)) == pytest.approx(value(base, split(angle)), rel=1e-12)


def test_number_of_levels() -> None:
    for widths, noises, expected in (
        ((3,), (0.1,), 2),
        ((3, 4), (0.1, 0.2), 11),
        ((3, 4), (0.0, 0.2), 3),
        ((5,), (0.0,), 0),
    ):
        layers = [Layer(width, weight_decay=0.01, noise_variance=s) for width, s in zip(widths, noises, strict=True)]
        base = Problem(Network((*layers, Layer(1, weight_decay=0.01))), TWO_INPUTS)
        levels = {tuple(active_widths(point)) for point in subnetwork_points(base, 1000)}
        assert len(levels) <= expected
    wide = Problem(
        Network((Layer(10**6, weight_decay=0.01, noise_variance=0.1), Layer(1, weight_decay=0.01))), TWO_INPUTS
    )
    first = next(islice(subnetwork_points(wide, 2), 1))
    assert first.label["log10_copies"] == pytest.approx(6.0)
