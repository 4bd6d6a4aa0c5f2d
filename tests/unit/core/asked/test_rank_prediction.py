"""Rank predictions: thresholds against numerical minimisation, combination of rules, compression."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize

from service.core.asked.rank_prediction import predict
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer
from service.core.ranks import cases
from service.core.ranks.compression import compression_of, truncated
from service.core.ranks.rules.least_norm_average import average_bound
from service.core.ranks.rules.white_minimum import kept_threshold
from service.core.ranks.setting import Setting
from service.core.ranks.snapshot import Snapshot
from service.core.ranks.training import Teacher, Training
from service.vocabulary import Activation, Dynamics, Loss, RankKind, SkipKind


def ranks_of(setting: Setting) -> list[int | None]:
    return [layer.rank for layer in predict(setting).layers]


def singular_values(weight: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.svd(weight, compute_uv=False), dtype=np.float64)


def least_norms(setting: Setting, runs: int, seed: int) -> list[FloatArray]:
    """Singular values of every layer at the best of many local minima of squared loss with decay."""
    samples = setting.problem.samples
    assert samples is not None
    shapes, decays = setting.graph.shapes, setting.problem.network.weight_decays
    is_relu = [layer.activation is Activation.RELU for layer in setting.problem.network.layers]

    def unpack(theta: FloatArray) -> list[FloatArray]:
        cuts = np.cumsum([rows * columns for rows, columns in shapes])[:-1]
        return [part.reshape(shape) for part, shape in zip(np.split(theta, cuts), shapes, strict=True)]

    def value(theta: FloatArray) -> tuple[float, FloatArray]:
        weights = unpack(theta)
        outputs, gradients = [samples.x], []
        for weight, kinked in zip(weights, is_relu, strict=True):
            z = outputs[-1] @ weight.T
            outputs.append(np.maximum(z, 0.0) if kinked else z)
        residual = outputs[-1] - samples.y
        delta = 2.0 * residual / len(residual)
        for index in range(len(weights) - 1, -1, -1):
            delta = delta * (outputs[index + 1] > 0.0) if is_relu[index] else delta
            gradients.append((delta.T @ outputs[index] + 2.0 * decays[index] * weights[index]).ravel())
            delta = delta @ weights[index]
        total = float(np.sum(residual**2)) / len(residual)
        total += sum(float(decay * np.sum(weight**2)) for decay, weight in zip(decays, weights, strict=True))
        return total, np.concatenate(gradients[::-1])

    rng = np.random.default_rng(seed)
    size = sum(rows * columns for rows, columns in shapes)
    found = [minimize(value, rng.normal(size=size), jac=True, method="L-BFGS-B", tol=1e-15) for _ in range(runs)]
    best = min(found, key=lambda one: float(one.fun))
    return [singular_values(weight) for weight in unpack(np.asarray(best.x, dtype=np.float64))]


@pytest.mark.parametrize(("n_layers", "decay"), [(2, 0.5), (3, 0.5), (4, 0.3), (5, 1.0)])
def test_kept_threshold_against_a_grid(n_layers: int, decay: float) -> None:
    threshold = kept_threshold(decay, n_layers)
    grid = np.linspace(0.0, 3.0, 300_001)

    def best(value: float) -> float:
        return float(grid[np.argmin(0.5 * (value - grid) ** 2 + 0.5 * decay * n_layers * grid ** (2.0 / n_layers))])

    assert best(threshold * (1.0 - 1e-3)) == 0.0
    assert best(threshold * (1.0 + 1e-3)) > 0.0


@pytest.mark.parametrize(("decay", "expected"), [(0.02, 2), (0.25, 1), (0.9, 0)])
def test_white_linear_ranks_agree_with_minimisation(decay: float, expected: int) -> None:
    x = np.vstack([np.eye(3), -np.eye(3)]) * np.sqrt(3.0)
    y = x @ np.array([[1.0, 0.0], [0.0, 0.5], [0.0, 0.0]])
    setting = cases.minimum(
        (Layer(3, weight_decay=decay), Layer(3, weight_decay=decay), Layer(2, weight_decay=decay)), x, y
    )
    assert ranks_of(setting) == [expected] * 3
    for values in least_norms(setting, 20, 0):
        assert int(np.sum(values > 1e-3)) == expected


@pytest.mark.parametrize(("decay", "expected"), [(0.05, [2, 2]), (0.4, [1, 1]), (0.6, [0, 0])])
def test_white_relu_ranks_agree_with_minimisation(decay: float, expected: list[int]) -> None:
    labels = np.array([[1.0, 0.0]] * 2 + [[0.0, 1.0]])
    beyond = np.eye(4)[:3]
    layers = (Layer(5, Activation.RELU, weight_decay=decay), Layer(2, weight_decay=decay))
    setting = cases.minimum(layers, beyond, labels)
    assert ranks_of(setting) == expected
    for values, rank in zip(least_norms(setting, 40, 1), expected, strict=True):
        assert int(np.sum(values > 1e-3)) == rank


def test_one_output_needs_one_direction_for_each_sign() -> None:
    decay = 0.02
    layers = (Layer(6, Activation.RELU, weight_decay=decay), Layer(1, weight_decay=decay))
    setting = cases.minimum(layers, np.eye(4), np.array([[1.0], [2.0], [-1.0], [-0.5]]))
    assert ranks_of(setting) == [2, 1]
    values = least_norms(setting, 30, 2)
    assert [int(np.sum(row > 1e-3)) for row in values] == [2, 1]


def test_ranks_at_the_minimum_come_from_a_solver_where_no_rule_applies() -> None:
    layers = tuple(replace(layer, weight_decay=0.01) for layer in cases.LINEAR)
    answer = predict(cases.minimum(layers, cases.INPUTS, cases.SIGNS))
    assert answer.solver == "scalar_output"
    assert [layer.rank for layer in answer.layers] == [1, 1, 1]
    assert answer.layers[0].rule == "solver scalar_output"
    assert answer.end_to_end.rank == 1


def test_an_unknown_start_makes_the_claim_conditional() -> None:
    answer = predict(cases.linear(training=Training()))
    first = answer.layers[0]
    assert (first.rank, first.upper_bound, first.conditional_upper_bound) == (None, 3, 1)
    assert "not known" in first.reasons["rank"]
    assert first.rule is None


def test_nothing_is_claimed_where_classes_are_not_separable() -> None:
    answer = predict(cases.not_separable(cases.linear()))
    first = answer.layers[0]
    assert (first.rank, first.upper_bound, first.conditional_upper_bound) == (None, 3, None)
    assert "separable" in first.reasons["rank"]


def test_unconfirmed_theory_never_decides() -> None:
    output = np.array([[0.5, 0.5, -0.5, -0.5]])
    layers = (Layer(4, Activation.LEAKY_RELU, 0.25), Layer(1, frozen_weights=output))
    setting = cases.setting(layers, x=np.eye(4), y=np.array([[1.0], [-1.0], [-1.0], [1.0]]))
    first, last = predict(setting).layers
    assert (first.rank, first.upper_bound, first.conditional_upper_bound, first.rule) == (None, 4, 2, None)
    assert (last.rank, last.kind) == (1, RankKind.GIVEN)


def test_dense_connections_add_ranks() -> None:
    setting = cases.with_skip(cases.linear(), 1, 2, SkipKind.CONCATENATE)
    answer = predict(setting)
    # node 1 is read by the second matrix and, side by side with node 2, by the third
    assert [layer.conditional_upper_bound or layer.upper_bound for layer in answer.layers] == [2, 1, 1]


def test_average_bound_follows_the_formula() -> None:
    deep = (Layer(4, Activation.RELU), Layer(4, Activation.RELU), Layer(1))
    training = Training(Dynamics.MINIMUM_NORM, teacher=Teacher(2, 4, 2.0495))
    setting = cases.setting(deep, x=0.3 * cases.INPUTS, training=training)
    margins = average_bound(setting)["mean_ratio_at_least"]
    assert margins == pytest.approx((np.sqrt(2.0) / 2.0495) ** (2 / 3) * np.sqrt(3 / 4) / np.sqrt(2.0))
    regression = average_bound(cases.with_loss(setting, Loss.SQUARED))["mean_ratio_at_least"]
    assert regression == pytest.approx((1 / 2.0495) ** (2 / 3))


def test_compression_keeps_the_loss_of_matrices_of_low_rank() -> None:
    rng = np.random.default_rng(0)
    column = np.array([[1.0, 1.0, 0.5]])
    weights = (rng.normal(size=(4, 1)) @ column, rng.normal(size=(4, 4)), rng.normal(size=(1, 4)))
    setting = replace(cases.linear(), snapshots=(Snapshot(weights, (None,) * 3),))
    found = compression_of(setting, predict(setting).layers)
    assert found.layers[0].rank == 1
    assert found.layers[0].factor_shapes == ((4, 1), (1, 3))
    assert found.layers[0].parameters_after == 7
    assert found.layers[0].error == pytest.approx(0.0, abs=1e-12)
    assert found.loss_before is not None
    assert found.loss_after is not None
    one = truncated(weights[1], 1)
    assert np.linalg.matrix_rank(one) == 1
    assert np.linalg.norm(weights[1] - one, 2) == pytest.approx(np.linalg.svd(weights[1], compute_uv=False)[1])


def test_a_thousand_samples_in_a_hundred_dimensions() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1000, 100))
    setting = cases.with_samples(cases.linear(), x, np.sign(x @ rng.normal(size=(100, 1))))
    answer = predict(setting)
    assert answer.separability.separable is True
    assert answer.separability.residual < 1e-8
