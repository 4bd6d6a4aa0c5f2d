"""One layer where the minimum is known by hand, or is not attained."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from service.core.ground.problems import Problem, Samples
from service.core.one_layer.bounds import best_bound
from service.core.one_layer.parts import parts_of, samples_of
from service.core.one_layer.predicted import LayerWeights, predicted
from service.vocabulary import Loss
from tests.support.one_layer_instances import drawn, layer, solved


def column(*values: float) -> np.ndarray:
    """Numbers as a column."""
    return np.array(values, dtype=float)[:, None]


def test_a_bias_alone_is_the_median_the_quantile_and_the_logarithm_of_the_mean() -> None:
    x, y = np.zeros((5, 1)), column(1.0, 2.0, 3.0, 4.0, 10.0)
    absolute = solved(layer(Samples(x, y), Loss.ABSOLUTE, 0.1)).solution.minimum
    assert absolute.output_offset[0] == pytest.approx(3.0, rel=1e-12)
    assert absolute.loss == pytest.approx(11.0 / 5.0, rel=1e-12)
    # of five numbers the quantile 0.3 is the second
    assert solved(layer(Samples(x, y), Loss.QUANTILE, 0.1)).solution.minimum.output_offset[0] == pytest.approx(2.0)
    poisson = solved(layer(Samples(x, y), Loss.POISSON, 0.1)).solution.minimum
    assert poisson.output_offset[0] == pytest.approx(np.log(4.0), rel=1e-12)
    assert poisson.loss == pytest.approx(4.0 - 4.0 * np.log(4.0), rel=1e-12)


def test_one_sample_balances_loss_and_decay() -> None:
    # w + log(...): the root of 2 g w = 1 / (1 + exp(w)) for x = y = 1
    minimum = solved(layer(Samples(column(1.0), column(1.0)), Loss.LOGISTIC, 0.25, "none")).solution.minimum
    weight = float(minimum.end_to_end_map[0, 0])
    assert 0.5 * weight == pytest.approx(1.0 / (1.0 + np.exp(weight)), rel=1e-12)
    hinge = solved(layer(Samples(column(1.0), column(1.0)), Loss.SQUARED_HINGE, 0.25, "none")).solution.minimum
    # (1 - w)^2 / 2 + w^2 / 4
    assert hinge.end_to_end_map[0, 0] == pytest.approx(2.0 / 3.0, rel=1e-12)
    assert hinge.loss == pytest.approx(1.0 / 6.0, rel=1e-12)


@pytest.mark.parametrize("bias", ["none", "free", "decayed"])
def test_separated_classes_have_no_minimum_without_decay(bias: str) -> None:
    x = np.array([[1.0, 0.5], [2.0, -1.0], [-1.0, 0.25], [-3.0, 1.0]])
    signs = Samples(x, column(1.0, 1.0, -1.0, -1.0))
    for samples, loss in (
        (signs, Loss.LOGISTIC),
        (Samples(x, np.eye(2)[[0, 0, 1, 1]]), Loss.CROSS_ENTROPY),
    ):
        answer = solved(layer(samples, loss, 0.0, bias))
        minimum = answer.solution.minimum
        assert not minimum.attained
        assert (minimum.loss, minimum.parameters, answer.solution.stationary_points) == (0.0, None, ())
        assert (answer.certificate.upper_bound, answer.certificate.lower_bound) == (0.0, 0.0)
        outputs = x @ minimum.end_to_end_map.T + minimum.output_offset
        margins = samples.y * outputs if loss is Loss.LOGISTIC else outputs[:, [0, 1]] * np.array([1.0, -1.0])
        assert loss is Loss.CROSS_ENTROPY or (margins > 0.0).all()
        decayed = solved(layer(samples, loss, 1e-3, bias)).solution.minimum
        assert decayed.attained
        assert decayed.loss > 0.0


def test_a_free_bias_alone_has_no_minimum_where_all_labels_are_equal() -> None:
    rng = np.random.default_rng(0)
    for loss, value in ((Loss.LOGISTIC, 1.0), (Loss.POISSON, 0.0)):
        answer = solved(layer(Samples(rng.normal(size=(6, 2)), np.full((6, 1), value)), loss, 0.1))
        assert not answer.solution.minimum.attained
        assert answer.solution.minimum.loss == 0.0


def test_missing_targets_are_those_of_each_output_alone() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(30, 3)), rng.normal(size=(30, 2))
    weights = (rng.random(size=(30, 2)) > 0.3).astype(float)
    weights[:2] = [[1.0, 0.0], [0.0, 1.0]]
    minimum = solved(layer(Samples(x, y, weights), Loss.WEIGHTED_SQUARED, 0.05)).solution.minimum
    for output in range(2):
        seen = weights[:, output] > 0.0
        rows = np.column_stack([x[seen], np.ones(seen.sum())])
        decay = np.diag([30 * 0.05] * 3 + [0.0])
        ridge = np.linalg.solve(rows.T @ rows + decay, rows.T @ y[seen, output])
        assert minimum.end_to_end_map[output] == pytest.approx(ridge[:3], rel=1e-9)
        assert minimum.output_offset[output] == pytest.approx(ridge[3], rel=1e-9)


@pytest.mark.parametrize("bias", ["none", "free", "decayed"])
def test_bounds_hold_in_exact_arithmetic(bias: str) -> None:
    """The least absolute and squared errors in rational numbers lie between the bounds, to the last digit."""
    for seed in range(6):
        samples = drawn(Loss.HUBER, 7, 1, seed)
        problem = layer(replace(samples, x=samples.x + 1e5 * (seed % 2)), Loss.WEIGHTED_SQUARED, 0.01, bias)
        moved = replace(samples_of(problem), weights=np.linspace(1.0, 2.0, 7)[:, None])
        weighted = replace(problem, samples=moved)
        (part,) = parts_of(weighted)
        least = _least_squares(weighted, bias)
        rng = np.random.default_rng(seed)
        for size in (0.0, 1e-9, 1e-3):
            at = _near(weighted, bias, size * rng.normal(size=2))
            seen = predicted(part, at)
            found = best_bound(part, at, seen, np.inf)
            assert Fraction(found.value) <= least


def _weights(problem: Problem) -> list[float]:
    weights = samples_of(problem).weights
    assert weights is not None
    return [float(value) for value in weights[:, 0]]


def _exact(problem: Problem, bias: str) -> tuple[list[list[Fraction]], list[Fraction]]:
    samples = samples_of(problem)
    rows = [[Fraction(float(value)), Fraction(1)] for value in samples.x[:, 0]]
    y = [Fraction(float(value)) for value in samples.y[:, 0]]
    w = [Fraction(float(value)) for value in _weights(problem)]
    g = 7 * Fraction(0.01), 7 * Fraction(0.05) if bias == "decayed" else Fraction(0)
    none = Fraction(0)
    gram = [[sum((c * a[i] * a[j] for c, a in zip(w, rows, strict=True)), none) for j in (0, 1)] for i in (0, 1)]
    pull = [sum((c * a[i] * t for c, a, t in zip(w, rows, y, strict=True)), none) for i in (0, 1)]
    return [[gram[i][j] + (g[i] if i == j else 0) for j in (0, 1)] for i in (0, 1)], pull


def _solution(problem: Problem, bias: str) -> tuple[Fraction, Fraction]:
    matrix, pull = _exact(problem, bias)
    if bias == "none":
        return pull[0] / matrix[0][0], Fraction(0)
    determinant = matrix[0][0] * matrix[1][1] - matrix[0][1] * matrix[1][0]
    return (
        (pull[0] * matrix[1][1] - pull[1] * matrix[0][1]) / determinant,
        (pull[1] * matrix[0][0] - pull[0] * matrix[1][0]) / determinant,
    )


def _least_squares(problem: Problem, bias: str) -> Fraction:
    samples = samples_of(problem)
    weight, offset = _solution(problem, bias)
    total = 7 * Fraction(0.01) * weight**2 + (7 * Fraction(0.05) if bias == "decayed" else 0) * offset**2
    for x, y, c in zip(samples.x[:, 0], samples.y[:, 0], _weights(problem), strict=True):
        total += Fraction(float(c)) * (weight * Fraction(float(x)) + offset - Fraction(float(y))) ** 2
    return total


def _near(problem: Problem, bias: str, step: np.ndarray) -> LayerWeights:
    weight, offset = (float(value) for value in _solution(problem, bias))
    moved = 0.0 if bias == "none" else offset + float(step[1])
    return LayerWeights(np.array([[weight + float(step[0])]]), np.array([moved]))


def test_partly_separated_classes_are_not_called_unique() -> None:
    # the second input separates the last sample, the others overlap in the first
    x = np.array([[1.0, 0.0], [-1.0, 0.0], [2.0, 0.0], [0.5, 3.0]])
    minimum = solved(layer(Samples(x, column(1.0, 1.0, -1.0, 1.0)), Loss.LOGISTIC, 0.0, "none")).solution.minimum
    assert not minimum.attained
    assert minimum.uniqueness.startswith("no weights attain the infimum")
    whole = drawn(Loss.LOGISTIC, 60, 3, 7)
    assert solved(layer(whole, Loss.LOGISTIC, 0.0)).solution.minimum.uniqueness == "unique"
