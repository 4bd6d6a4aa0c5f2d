"""What gradient flow conserves: the change of balance along the exact gradient, for every kind of connection."""

from dataclasses import replace

import numpy as np
import pytest

from service.core.ground.problems import Layer, Skip
from service.core.losses.logarithms import log_loss_gradient
from service.core.ranks import cases
from service.core.ranks.graph import Graph
from service.core.ranks.invariants import (
    balance,
    channel_balance,
    conserved_entries,
    invariants_of,
)
from service.core.ranks.setting import Setting
from service.core.ranks.snapshot import Snapshot, backward, flatten, forward, unflatten
from service.vocabulary import Activation, Bias, Conserved, Loss, SkipKind

FOUR = (Layer(4), Layer(4), Layer(4), Layer(1))
RELU = (Layer(4, Activation.RELU), Layer(4), Layer(4, Activation.LEAKY_RELU, 0.3), Layer(1))
NETWORKS = {
    "linear": cases.setting(FOUR),
    "relu": cases.setting(RELU),
    "biases": cases.setting(RELU, bias=Bias.ALL),
    "identity skip": cases.setting(FOUR, skips=(Skip(1, 2, SkipKind.IDENTITY),)),
    "two identity skips": cases.setting(FOUR, skips=(Skip(1, 2, SkipKind.IDENTITY), Skip(2, 3, SkipKind.IDENTITY))),
    "trainable skip": cases.setting(FOUR, skips=(Skip(0, 2, SkipKind.TRAINABLE), Skip(1, 3, SkipKind.TRAINABLE))),
    "diagonal skip": cases.setting(FOUR, skips=(Skip(1, 2, SkipKind.DIAGONAL),)),
    "dense": cases.setting(FOUR, skips=(Skip(1, 2, SkipKind.CONCATENATE), Skip(1, 3, SkipKind.CONCATENATE))),
}


def start_of(setting: Setting, seed: int) -> Snapshot:
    rng = np.random.default_rng(seed)
    graph = setting.graph
    biases = tuple(
        rng.normal(size=row.width) if setting.problem.network.has_bias(index) else None
        for index, row in enumerate(setting.problem.network.layers)
    )
    skips = []
    for edge in graph.skips():
        shape = (graph.widths[edge.target], graph.widths[edge.source])
        drawn = rng.normal(size=shape)
        skips.append(None if not edge.trained else drawn[:, 0] if edge.kind is SkipKind.DIAGONAL else drawn)
    return Snapshot(tuple(rng.normal(size=shape) for shape in graph.shapes), biases, tuple(skips))


def decayed(setting: Setting, decay: float, *, except_for: str = "") -> Setting:
    """Everything decays equally, but for the last matrix, the biases or the skips."""
    network = setting.problem.network
    layers = [replace(row, weight_decay=decay) for row in network.layers]
    if except_for == "last":
        layers[-1] = replace(layers[-1], weight_decay=2.0 * decay)
    biases = (0.0 if except_for == "biases" else decay,) * network.n_layers
    skips = tuple(replace(skip, weight_decay=0.0 if except_for == "skips" else decay) for skip in network.skips)
    changed = replace(network, layers=tuple(layers), bias_weight_decays=biases, skips=skips)
    return replace(setting, problem=replace(setting.problem, network=changed))


def decays_of(setting: Setting, snapshot: Snapshot) -> np.ndarray:
    """The decay of each weight, bias and trained skip, laid out as the parameters are."""
    network = setting.problem.network
    weights = tuple(
        np.full_like(weight, row.weight_decay) for weight, row in zip(snapshot.weights, network.layers, strict=True)
    )
    biases = tuple(
        None if bias is None else np.full_like(bias, decay)
        for bias, decay in zip(snapshot.biases, network.bias_weight_decays or (0.0,) * network.n_layers, strict=True)
    )
    skips = tuple(
        None if weight is None else np.full_like(weight, skip.weight_decay)
        for weight, skip in zip(snapshot.skips, network.skips, strict=True)
    )
    return flatten(Snapshot(weights, biases, skips))


def moved(setting: Setting, snapshot: Snapshot, step: float) -> Snapshot:
    """A step along the negative gradient of the log of the loss and of the decay."""
    found = forward(setting.graph, snapshot, setting.problem.samples.x)  # type: ignore[union-attr]  # cases have samples
    labelled = setting.labelled
    assert labelled is not None
    _, slope = log_loss_gradient(setting.problem.loss, found.prediction, labelled.classes)
    gradient = backward(setting.graph, snapshot, found, slope)
    theta = flatten(snapshot)
    return unflatten(theta - step * (flatten(gradient) + 2.0 * decays_of(setting, snapshot) * theta), snapshot)


def speed_of_balance(setting: Setting, snapshot: Snapshot, nodes: tuple[int, ...]) -> np.ndarray:
    step = 1e-6
    ahead = balance(setting.graph, moved(setting, snapshot, step), nodes)
    behind = balance(setting.graph, moved(setting, snapshot, -step), nodes)
    # balance is quadratic in the weights, so that the central difference is exact
    return np.asarray((ahead - behind) / (2.0 * step))


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("seed", range(3))
def test_conserved_entries_do_not_move(name: str, seed: int) -> None:
    setting = NETWORKS[name]
    snapshot = start_of(setting, seed)
    x = setting.problem.samples.x  # type: ignore[union-attr]  # cases have samples
    patterns = [(z > 0.0).astype(float) for z in forward(setting.graph, snapshot, x).pre_activations[:-1]]
    for invariant in invariants_of(setting.graph):
        at = patterns[invariant.nodes[0] - 1]
        mask = conserved_entries(setting.graph, invariant, at)
        speed = speed_of_balance(setting, snapshot, invariant.nodes)
        assert np.abs(speed[mask]).max(initial=0.0) <= 1e-8 * max(1.0, np.abs(speed).max())


@pytest.mark.parametrize("name", NETWORKS)
def test_equal_decays_let_each_balance_fall_by_its_own_law(name: str) -> None:
    setting = decayed(NETWORKS[name], 0.05)
    snapshot = start_of(setting, 4)
    laws = invariants_of(setting.graph)
    assert [row.part for row in laws] == [row.part for row in invariants_of(NETWORKS[name].graph)]
    for invariant in laws:
        assert invariant.conserved is Conserved.NONE
        if invariant.part is Conserved.NONE:
            continue
        assert invariant.rate == pytest.approx(0.2)
        mask = conserved_entries(setting.graph, invariant)
        speed = speed_of_balance(setting, snapshot, invariant.nodes)
        expected = -invariant.rate * balance(setting.graph, snapshot, invariant.nodes)
        assert np.abs(expected[mask]).max() > 0.0
        assert np.abs((speed - expected)[mask]).max() <= 1e-7 * max(1.0, np.abs(speed).max())


@pytest.mark.parametrize(
    ("name", "except_for", "nodes"),
    [
        ("linear", "last", {3}),
        ("relu", "last", {3}),
        ("biases", "biases", {1, 2, 3}),
        ("identity skip", "last", {3}),
        ("two identity skips", "last", {1, 2, 3}),
        ("trainable skip", "skips", {1, 2, 3}),
        ("diagonal skip", "skips", {1, 2}),
        ("dense", "last", {1, 3}),
    ],
)
def test_nothing_is_claimed_where_decays_differ(name: str, except_for: str, nodes: set[int]) -> None:
    setting = decayed(NETWORKS[name], 0.05, except_for=except_for)
    snapshot = start_of(setting, 5)
    silent = set()
    for invariant in invariants_of(setting.graph):
        assert invariant.conserved is Conserved.NONE
        if invariant.part is not Conserved.NONE:
            continue
        silent |= {*invariant.nodes}
        assert "decay" in invariant.reason
        # and rightly so: no entry of the diagonal falls as fast as any of the decays alone would let it
        speed = np.diag(speed_of_balance(setting, snapshot, invariant.nodes))
        value = np.diag(balance(setting.graph, snapshot, invariant.nodes))
        assert all(np.abs(speed + rate * value).max() > 1e-3 for rate in (0.0, 0.2, 0.4))
    assert silent == nodes


@pytest.mark.parametrize("name", ["relu", "two identity skips", "diagonal skip"])
def test_what_is_not_claimed_does_move(name: str) -> None:
    setting = NETWORKS[name]
    snapshot = start_of(setting, 0)
    largest = 0.0
    for invariant in invariants_of(setting.graph):
        for node in invariant.nodes:
            speed = speed_of_balance(setting, snapshot, (node,))
            if invariant.conserved is Conserved.MATRIX:
                largest = max(largest, np.abs(speed).max()) if len(invariant.nodes) > 1 else largest
            else:
                largest = max(largest, np.abs(speed - np.diag(np.diag(speed))).max())
    assert largest > 1e-3


def test_gradient_agrees_with_differences() -> None:
    for name, setting in NETWORKS.items():
        snapshot = start_of(setting, 1)
        labelled = setting.labelled
        assert labelled is not None
        theta = flatten(snapshot)
        for loss in (Loss.LOGISTIC, Loss.EXPONENTIAL):

            def value(
                at: np.ndarray, loss: Loss = loss, setting: Setting = setting, like: Snapshot = snapshot
            ) -> float:
                prediction = forward(setting.graph, unflatten(at, like), setting.labelled.x).prediction  # type: ignore[union-attr]  # labelled above
                return log_loss_gradient(loss, prediction, setting.labelled.classes)[0]  # type: ignore[union-attr]  # labelled above

            found = forward(setting.graph, snapshot, labelled.x)
            _, slope = log_loss_gradient(loss, found.prediction, labelled.classes)
            gradient = flatten(backward(setting.graph, snapshot, found, slope))
            direction = np.random.default_rng(2).normal(size=theta.size)
            difference = (value(theta + 1e-6 * direction) - value(theta - 1e-6 * direction)) / 2e-6
            assert gradient @ direction == pytest.approx(difference, rel=1e-6, abs=1e-7), name


def test_nodes_without_invariant_say_why() -> None:
    tanh = cases.with_activation(cases.linear(), 0, Activation.TANH)
    frozen = cases.with_frozen(cases.linear(), 0)
    for setting in (tanh, frozen):
        first = invariants_of(setting.graph)[0]
        assert first.conserved is Conserved.NONE
        assert first.reason
    stream = cases.setting((Layer(3), Layer(3), Layer(1)), skips=(Skip(0, 1, SkipKind.IDENTITY),))
    assert invariants_of(stream.graph)[0].conserved is Conserved.NONE


def test_noise_leaves_the_diagonal() -> None:
    assert invariants_of(cases.with_noise(cases.linear()).graph)[0].conserved is Conserved.DIAGONAL


def test_channels_of_shared_kernels_are_conserved() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(5, 2, 9)), rng.normal(size=5)
    first, bias, second = rng.normal(size=(3, 2, 3)), rng.normal(size=3), rng.normal(size=(1, 3, 3))

    def loss(first: np.ndarray, bias: np.ndarray, second: np.ndarray) -> float:
        patches = np.lib.stride_tricks.sliding_window_view(x, 3, axis=2)
        hidden = np.maximum(np.einsum("oik,nilk->nol", first, patches) + bias[:, np.newaxis], 0.0)
        again = np.lib.stride_tricks.sliding_window_view(hidden, 3, axis=2)
        return float(np.sum((np.einsum("oik,nilk->nol", second, again).sum(axis=(1, 2)) - y) ** 2))

    parts = [first, bias, second]
    gradients = []
    for index, part in enumerate(parts):
        gradient = np.zeros_like(part)
        for entry in np.ndindex(part.shape):
            ahead, behind = [value.copy() for value in parts], [value.copy() for value in parts]
            ahead[index][entry] += 1e-6
            behind[index][entry] -= 1e-6
            gradient[entry] = (loss(*ahead) - loss(*behind)) / 2e-6
        gradients.append(gradient)

    def at(step: float) -> np.ndarray:
        return channel_balance(first - step * gradients[0], second - step * gradients[2], bias - step * gradients[1])

    speed = (at(1e-5) - at(-1e-5)) / 2e-5
    assert np.abs(speed).max() <= 1e-6 * max(1.0, np.abs(gradients[0]).max())
    assert np.abs(gradients[0]).max() > 0.1


def test_paths_of_unequal_length_are_not_homogeneous() -> None:
    assert NETWORKS["linear"].graph.is_homogeneous
    assert not NETWORKS["identity skip"].graph.is_homogeneous
    assert not Graph(cases.with_bias(cases.linear()).problem.network, 3).is_homogeneous
