"""Convolutions: what their feature maps conserve, against gradients of a network that is really evaluated."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from service.core.asked.rank_prediction import predict
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Convolution, Layer, Network, Problem
from service.core.ranks.invariants import balance, invariants_of
from service.core.ranks.setting import Setting
from service.core.ranks.snapshot import Snapshot
from service.core.ranks.training import Training
from service.vocabulary import Activation, Bias, Conserved, Dynamics, Loss

RELU = Activation.RELU
FIRST, SECOND = Convolution(2, 1, 3), Convolution(3, 2, 2)
CONVOLVED = (Layer(14, RELU, convolution=FIRST), Layer(9, convolution=SECOND), Layer(4, RELU), Layer(1))
DENSE_FIRST = (Layer(10, RELU), Layer(12, RELU, convolution=Convolution(3, 2, 2)), Layer(1))


def windows(x: FloatArray, maps: int, taps: int, stride: int) -> FloatArray:
    """Patches (n, places, maps * taps) of inputs (n, maps * places)."""
    cut = np.lib.stride_tricks.sliding_window_view(x.reshape(len(x), maps, -1), taps, axis=2)[:, :, ::stride]
    return np.moveaxis(cut, 2, 1).reshape(len(x), cut.shape[2], maps * taps)


def evaluated(layers: Sequence[Layer], strides: Sequence[int], snapshot: Snapshot, x: FloatArray) -> FloatArray:
    """Output (n, k) of the network, feature maps one after the other."""
    for layer, stride, weight, bias in zip(layers, strides, snapshot.weights, snapshot.biases, strict=True):
        kernels = layer.convolution
        if kernels is None:
            z = x @ weight.T + (0.0 if bias is None else bias)
        else:
            patches = windows(x, kernels.in_channels, kernels.taps, stride)
            z = np.moveaxis(patches @ weight.T + (0.0 if bias is None else bias), 2, 1).reshape(len(x), -1)
        assert z.shape[1] == layer.width
        x = np.maximum(z, 0.0) if layer.activation is RELU else z
    return x


def gradient(loss: Callable[[Snapshot], float], at: Snapshot) -> Snapshot:
    """Central differences, entry by entry."""

    def part(array: FloatArray, with_array: Callable[[FloatArray], Snapshot]) -> FloatArray:
        found = np.zeros(array.size)
        for index in range(array.size):
            step = np.zeros(array.size)
            step[index] = 1e-5
            moved = step.reshape(array.shape)
            found[index] = (loss(with_array(array + moved)) - loss(with_array(array - moved))) / 2e-5
        return found.reshape(array.shape)

    def replaced(parts: Sequence[FloatArray | None], index: int, array: FloatArray) -> tuple[FloatArray | None, ...]:
        return (*parts[:index], array, *parts[index + 1 :])

    weights, biases = [], []
    for index, weight in enumerate(at.weights):
        weights.append(part(weight, lambda new, i=index: Snapshot(replaced(at.weights, i, new), at.biases)))  # type: ignore[arg-type, misc]  # a weight is never None
        bias = at.biases[index]
        biases.append(
            None if bias is None else part(bias, lambda new, i=index: Snapshot(at.weights, replaced(at.biases, i, new)))  # type: ignore[misc]  # mypy infers no lambda with a default
        )
    return Snapshot(tuple(weights), tuple(biases))


@pytest.mark.parametrize(("layers", "strides", "inputs"), [(CONVOLVED, (1, 2, 1, 1), 9), (DENSE_FIRST, (1, 1, 1), 5)])
def test_what_feature_maps_conserve_does_not_move_along_the_gradient(
    layers: tuple[Layer, ...], strides: tuple[int, ...], inputs: int
) -> None:
    rng = np.random.default_rng(3)
    network = Network(layers, bias=Bias.HIDDEN)
    setting = Setting(Problem(network, None, loss=Loss.SQUARED), inputs)
    shapes = setting.graph.shapes
    weights = tuple(rng.normal(size=shape) for shape in shapes)
    biases = tuple(
        rng.normal(size=setting.graph.bias_width(index)) if network.has_bias(index) else None
        for index in range(len(layers))
    )
    at = Snapshot(weights, biases)
    x, y = rng.normal(size=(6, inputs)), rng.normal(size=(6, 1))

    def loss(snapshot: Snapshot) -> float:
        return float(np.mean((evaluated(layers, strides, snapshot, x) - y) ** 2))

    slope = gradient(loss, at)

    def moved(sign: float) -> Snapshot:
        return Snapshot(
            tuple(weight + sign * step for weight, step in zip(at.weights, slope.weights, strict=True)),
            tuple(
                None if bias is None or step is None else bias + sign * step
                for bias, step in zip(at.biases, slope.biases, strict=True)
            ),
        )

    rows = invariants_of(setting.graph)
    assert [row.nodes for row in rows] == [(node,) for node in range(1, len(layers))]
    for row in rows:
        assert row.conserved in (Conserved.DIAGONAL, Conserved.BLOCKS)
        # balance is quadratic, so that its two values differ by four times its derivative along the gradient
        values = [np.diag(balance(setting.graph, moved(sign), row.nodes)) for sign in (1.0, -1.0)]
        assert len(values[0]) == setting.graph.units(row.nodes[0])
        assert values[0] == pytest.approx(values[1], abs=1e-7)
        assert np.abs(values[0] - np.diag(balance(setting.graph, at, row.nodes))).max() > 1e-3


def test_rules_are_silent_on_convolutions_unless_they_cover_them() -> None:
    setting = Setting(Problem(Network((*CONVOLVED[:2], Layer(4), Layer(1))), None, loss=Loss.LOGISTIC), 9)
    found = predict(setting)
    assert [layer.shape for layer in found.layers] == [(2, 3), (3, 4), (4, 9), (1, 4)]
    assert [layer.conditional_upper_bound for layer in found.layers] == [None, None, 1, None]
    silent = {row.rule.id for row in found.applications if row.findings[0].name == "dense layers"}
    assert {"K-D3", "K-D5", "K-R1", "K-R2"} <= silent
    assert not {"K-D1", "K-D2", "K-D4", "K-R5"} & silent


def test_mini_batches_count_the_places_of_a_kernel() -> None:
    layers = tuple(Layer(row.width, row.activation, weight_decay=0.2, convolution=row.convolution) for row in CONVOLVED)
    training = Training(Dynamics.SGD, batch_size=1, learning_rate=2.0, tolerance=0.5)
    found = predict(Setting(Problem(Network(layers), None), 9, training))
    claims = next(row.claims for row in found.applications if row.rule.id == "K-R5")
    places = [14 // 2, 9 // 3, 1, 1]
    assert [claims[layer].bound for layer in (1, 2, 3, 4)] == [place * claims[4].bound for place in places]
