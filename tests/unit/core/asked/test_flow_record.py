"""Gradient flow on seeded problems: every inequality of the theory at every recorded moment."""

from dataclasses import replace

import numpy as np
import pytest

from service.core.asked.flow_record import FlowRecord, record_of
from service.core.dynamics.flow import Until, advance, begin, gaussian_start, run
from service.core.dynamics.flow_rates import Rates
from service.core.ground.problems import Layer
from service.core.ranks import cases
from service.core.ranks.setting import Setting
from service.core.ranks.snapshot import Snapshot, flatten
from service.core.ranks.training import Training
from service.vocabulary import Activation, Bias, FlowStop, FlowTime, Loss

LINEAR = (Layer(6), Layer(4), Layer(1))
XOR_X = np.array([[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0]])
XOR_Y = np.array([[1.0], [1.0], [-1.0], [-1.0]])


def separable(layers: tuple[Layer, ...], seed: int, loss: Loss = Loss.EXPONENTIAL, n: int = 20, d: int = 5) -> Setting:
    rng = np.random.default_rng(seed)
    x, w = rng.normal(size=(n, d)), rng.normal(size=d)
    y = np.sign(x @ w)[:, np.newaxis]
    return cases.setting(layers, x=x + 0.2 * y * w / np.linalg.norm(w), y=y, loss=loss, training=Training())


def flow_of(setting: Setting, scale: float, until: Until, seed: int = 1) -> FlowRecord:
    states, snapshots = run(setting, gaussian_start(setting, scale, seed), until)
    return record_of(setting, states, snapshots)


def largest_drift(found: FlowRecord) -> float:
    """Of every node, from what is conserved or from the law by which it falls."""
    drifts = [row.drifts for row in found.ranks.invariants if row.drifts is not None]
    assert drifts
    return max(map(max, drifts))


@pytest.mark.parametrize(("seed", "loss"), [(0, Loss.EXPONENTIAL), (1, Loss.LOGISTIC)])
def test_linear_network_turns_to_the_margin_direction(seed: int, loss: Loss) -> None:
    found = flow_of(separable(LINEAR, seed, loss), 0.3, Until(-1000.0))
    assert found.stop is FlowStop.REACHED
    assert [layer.rank for layer in found.ranks.layers] == [1, 1, 1]
    assert found.cosines is not None
    assert 1.0 - found.cosines[-1] < 1e-3
    for row in found.ranks.progress[:-1]:
        assert row.tail_bound is not None
        assert row.stable_ranks[-1] is not None
        assert row.stable_ranks[-1] < 1.01
        assert max(row.tails) <= row.tail_bound
        for value, bound in zip(row.stable_ranks, row.stable_rank_bounds, strict=True):
            assert value is not None
            assert bound is None or value <= bound * (1.0 + 1e-9)
    assert largest_drift(found) < 1e-7
    assert list(found.values) == sorted(found.values, reverse=True)


def test_cross_entropy_of_three_classes_keeps_one_direction_less() -> None:
    setting = cases.three_classes((Layer(5), Layer(4), Layer(3)), Training())
    found = flow_of(setting, 0.3, Until(-900.0))
    assert found.stop is FlowStop.REACHED
    for layer, row in zip(found.ranks.layers, found.ranks.progress, strict=True):
        assert layer.upper_bound == 2
        values = row.singular_values[-1]
        assert values[2] < 0.1 * values[0]
        assert row.tail_bound is not None
        assert max(row.tails) <= row.tail_bound * (1.0 + 1e-9)


@pytest.mark.parametrize(("outputs", "loss"), [(1, Loss.LOGISTIC), (1, Loss.EXPONENTIAL), (2, Loss.CROSS_ENTROPY)])
def test_margins_stay_below_their_bound_and_tend_to_it(outputs: int, loss: Loss) -> None:
    single = separable(LINEAR, 2, loss, n=8, d=3)
    if outputs == 2:
        samples = single.problem.samples
        assert samples is not None
        labels = np.hstack([samples.y < 0.0, samples.y > 0.0]).astype(float)
        layers = (*LINEAR[:-1], Layer(2))
        single = cases.setting(layers, x=samples.x, y=labels, loss=loss, training=Training())
    found = flow_of(single, 0.3, Until(-3000.0))
    assert found.margins is not None
    assert found.margin_bound is not None
    assert 0.995 * found.margin_bound < found.margins[-1] <= found.margin_bound * (1.0 + 1e-12)
    assert max(found.margins) <= found.margin_bound * (1.0 + 1e-12)


def test_relu_network_with_a_linear_end() -> None:
    layers = (Layer(8, Activation.RELU), Layer(5), Layer(4), Layer(1))
    found = flow_of(separable(layers, 3, Loss.LOGISTIC, n=12, d=3), 0.7, Until(-100.0))
    assert found.stop is FlowStop.REACHED
    assert [layer.rank for layer in found.ranks.layers] == [None, 1, 1, 1]
    for row in found.ranks.progress[1:-1]:
        assert row.tail_bound is not None
        assert max(row.tails) <= row.tail_bound * (1.0 + 1e-3)
    assert found.ranks.layers[0].rank is None


def test_exclusive_or_needs_two_directions() -> None:
    setting = cases.setting((Layer(12, Activation.RELU), Layer(1)), x=XOR_X, y=XOR_Y, training=Training())
    found = flow_of(setting, 0.5, Until(-60.0))
    assert found.stop is FlowStop.REACHED
    values = found.ranks.progress[0].singular_values[-1]
    assert values[1] > 0.5 * values[0]
    assert found.ranks.layers[0].rank is None


def test_linear_network_on_exclusive_or_ends_not_separable() -> None:
    setting = cases.setting(LINEAR, x=XOR_X, y=XOR_Y, training=Training())
    found = flow_of(setting, 0.3, Until())
    assert found.stop is FlowStop.NOT_SEPARABLE
    assert found.time is FlowTime.PLAIN
    assert found.values[-1] == pytest.approx(np.log(2.0), abs=1e-9)


def test_balance_decays_at_the_predicted_rate() -> None:
    setting = cases.with_decay(separable(LINEAR, 0, Loss.SQUARED), 0.05)
    found = flow_of(setting, 0.8, Until())
    assert found.stop is FlowStop.STATIONARY
    assert found.balance_decay is not None
    assert max(found.balance_decay) < 1e-7
    assert largest_drift(found) < 1e-7


@pytest.mark.parametrize("bias", [Bias.NONE, Bias.ALL])
def test_balance_of_relu_networks_falls_by_the_same_law(bias: Bias) -> None:
    layers = (Layer(5, Activation.RELU), Layer(4), Layer(1))
    plain = separable(layers, 3, Loss.SQUARED, n=12, d=3)
    network = replace(plain.problem.network, bias=bias, bias_weight_decays=(0.02,) * 3)
    setting = cases.with_decay(replace(plain, problem=replace(plain.problem, network=network)), 0.02)
    found = flow_of(setting, 0.8, Until(evaluations=30_000))
    start = found.ranks.invariants[0].value
    assert start is not None
    assert found.balance_decay is not None
    # steps over kinks are coarse: what falls is far larger than what they leave
    assert max(found.balance_decay) < 0.02 * np.abs(start).max()
    assert found.times[-1] > 10.0
    assert largest_drift(found) < 0.01


def test_unequal_decays_follow_no_law() -> None:
    setting = cases.with_decay(separable(LINEAR, 0, Loss.SQUARED), 0.05)
    layers = tuple(
        replace(row, weight_decay=0.05 * (index + 1)) for index, row in enumerate(setting.problem.network.layers)
    )
    problem = replace(setting.problem, network=replace(setting.problem.network, layers=layers))
    found = flow_of(replace(setting, problem=problem), 0.8, Until(evaluations=2_000))
    assert found.balance_decay is None
    assert "same decay" in found.reasons["balance_decay"]
    assert all(row.drifts is None for row in found.ranks.invariants)


def test_squared_loss_without_decay_conserves_balance() -> None:
    found = flow_of(separable(LINEAR, 0, Loss.SQUARED), 0.3, Until())
    assert found.stop is FlowStop.STATIONARY
    assert largest_drift(found) < 1e-7


def test_zero_start_is_undefined() -> None:
    setting = separable(LINEAR, 0)
    zeros = Snapshot(tuple(np.zeros(shape) for shape in setting.graph.shapes), (None,) * 3)
    states, snapshots = run(setting, zeros, Until())
    found = record_of(setting, states, snapshots)
    assert found.stop is FlowStop.UNDEFINED
    assert "undefined" in found.ranks.reasons["snapshots"]


def test_dead_network_is_undefined() -> None:
    setting = cases.setting((Layer(3, Activation.RELU), Layer(1)), x=np.abs(cases.INPUTS), training=Training())
    start = Snapshot((-np.ones((3, 3)), np.ones((1, 3))), (None, None))
    states, snapshots = run(setting, start, Until())
    found = record_of(setting, states, snapshots)
    assert found.stop is FlowStop.UNDEFINED
    assert "inactive" in found.ranks.reasons["snapshots"]


def test_a_sample_that_no_neuron_sees_stalls_the_flow() -> None:
    # v relu(w x) is 0 at x = -1 whatever the weights: the log of exp(-f) + exp(0) falls to 0 and no further
    x, y = np.array([[1.0], [-1.0]]), np.array([[1.0], [-1.0]])
    unseen = cases.setting((Layer(1, Activation.RELU), Layer(1)), x=x, y=y, loss=Loss.EXPONENTIAL, training=Training())
    states, snapshots = run(unseen, Snapshot((np.ones((1, 1)), np.ones((1, 1))), (None, None)), Until())
    found = record_of(unseen, states, snapshots)
    assert found.stop is FlowStop.STALLED
    assert found.time is FlowTime.LOG_NORM
    assert found.values[-1] == pytest.approx(0.0, abs=1e-3)
    assert min(found.values) >= -1e-9


def test_a_flow_resumes_from_any_state() -> None:
    setting = separable(LINEAR, 4)
    start, until = gaussian_start(setting, 0.3, 2), Until(-50.0)
    states, _ = run(setting, start, until)
    middle = states[len(states) // 2]
    copied = replace(middle, theta=np.array(middle.theta.tolist()))
    while copied.stop is None:
        copied = advance(setting, start, copied, until)
    assert np.array_equal(copied.theta, states[-1].theta)
    assert begin(setting, start).stop is None


def test_effort_is_bounded() -> None:
    found = flow_of(separable(LINEAR, 0), 0.3, Until(-1e5, evaluations=200))
    assert found.stop is FlowStop.EFFORT


@pytest.mark.parametrize("loss", [Loss.EXPONENTIAL, Loss.LOGISTIC, Loss.CROSS_ENTROPY, Loss.SQUARED])
def test_jacobians_are_the_derivatives_of_the_speeds(loss: Loss) -> None:
    if loss is Loss.CROSS_ENTROPY:
        setting = cases.three_classes((Layer(4), Layer(3), Layer(3)), Training())
    else:
        setting = cases.with_decay(separable((Layer(4), Layer(3), Layer(1)), 6, loss, n=9, d=3), 0.1)
    start = gaussian_start(setting, 0.7, 3)
    rates, theta = Rates(setting, start), flatten(start)
    pairs = [(rates.plain_speed, rates.plain_jacobian)]
    if loss is not Loss.SQUARED:
        pairs.append((rates.log_norm_speed, rates.log_norm_jacobian))
    for speed, jacobian in pairs:
        steps = 1e-6 * np.eye(theta.size)
        differences = np.array([(speed(theta + step) - speed(theta - step)) / 2e-6 for step in steps]).T
        assert jacobian(theta) == pytest.approx(differences, rel=1e-6, abs=1e-7)
