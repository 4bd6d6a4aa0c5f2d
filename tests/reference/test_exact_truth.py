"""The references themselves: values by hand, against floating point where that is good, and against what never wins."""

from fractions import Fraction

import mpmath as mp  # type: ignore[import-untyped]  # it has no stubs
import numpy as np
import pytest

from tests.support.exact_numbers import Floats, joint_is_semidefinite, of_floats, of_samples, semidefinite
from tests.support.exact_truth import composed, least_squares, mean_square, objective
from tests.support.high_precision import exact_minimum, least_loss_of_rank, least_loss_within, scaled_condition

SEEDS = pytest.mark.parametrize("seed", range(8))


def table(seed: int, outputs: int = 1) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(12, 3)) * 10.0 ** rng.uniform(-2.0, 2.0, 3) + rng.normal(size=3)
    return x, rng.normal(size=(12, outputs)) + x[:, :1]


def test_columns_sixteen_decades_apart_by_hand() -> None:
    x = np.array([[1e8, 1.0], [1e8, -1.0], [-1e8, 1.0], [-1e8, -1.0]])
    found = least_squares(of_samples(x, np.array([[3.0], [-1.0], [1.0], [-3.0]])))
    assert found.loss == 0
    assert found.rank == 2
    assert found.map == [[Fraction(1, 10**8), Fraction(2)]]


def test_a_column_that_depends_on_the_others_takes_no_part() -> None:
    x = np.array([[1.0, 2.0, 0.1], [2.0, 4.0, 0.3], [5.0, 10.0, -0.7]])
    both, one = (least_squares(of_samples(x[:, columns], x[:, 2:])) for columns in ([0, 1], [0]))
    assert (both.rank, both.loss) == (1, one.loss)
    assert least_squares(of_samples(x, x[:, 2:])).loss == 0


@SEEDS
def test_least_squares_with_intercept_is_that_of_floating_point(seed: int) -> None:
    x, y = table(seed, outputs=2)
    found = least_squares(of_samples(x, y), intercept=True)
    design = np.hstack([x, np.ones((12, 1))])
    solution, squares, _, _ = np.linalg.lstsq(design, y, rcond=None)
    np.testing.assert_allclose(float(found.loss), squares.sum() / 12, rtol=1e-11)
    np.testing.assert_allclose(np.array(found.map, dtype=float), solution[:3].T, rtol=1e-9)
    np.testing.assert_allclose(np.array(found.offset, dtype=float), solution[3], rtol=1e-9)
    assert mean_square(of_samples(x, y), found.map, found.offset) == found.loss


@SEEDS
def test_ridge_in_rationals_and_in_many_digits_agree(seed: int) -> None:
    x, y = table(seed)
    data = of_samples(x, y).centred()
    exact, many = least_squares(data, penalty=0.03), exact_minimum(data, [0.03])
    with mp.workdps(90):
        assert abs(mp.mpf(exact.loss.numerator) / exact.loss.denominator - many.loss) < 1e-80


@SEEDS
@pytest.mark.parametrize("depth", [0, 1, 2])
def test_no_weights_go_below_the_minimum_and_balanced_ones_reach_it(seed: int, depth: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = table(seed)
    data, decays = of_samples(x, y), (10.0 ** rng.uniform(-4.0, -1.0, depth + 1)).tolist()
    least = exact_minimum(data, decays)
    rho = Fraction(least.multiplier) if np.isfinite(least.multiplier) else None
    moved = of_floats(
        np.array(data.xx, dtype=float) + (0.0 if rho is None else float(rho)) * np.eye(3),
        np.array(data.xy, dtype=float),
        float(data.yy),
    )
    direction = np.array(least_squares(moved).map, dtype=float)
    norm, mean = float(np.linalg.norm(direction)), float(np.exp(np.mean(np.log(decays))))
    size = [np.sqrt(mean / g) * norm ** (1.0 / (depth + 1)) if rho is not None else 0.0 for g in decays]
    weights = [size[0] * direction / norm, *(np.array([[each]]) for each in size[1:])]
    reached = float(objective(data, weights, decays))
    np.testing.assert_allclose(reached, float(least.loss), rtol=1e-9)
    for _ in range(20):
        near = [weight + 0.1 * rng.normal(size=weight.shape) * (np.abs(weight) + 0.01) for weight in weights]
        assert float(objective(data, near, decays)) >= float(least.loss)


@SEEDS
def test_the_objective_is_the_mean_over_samples_plus_the_decay(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = table(seed, outputs=2)
    weights = [rng.normal(size=(4, 3)), rng.normal(size=(2, 4))]
    shift = rng.normal(size=2)
    biases = [None, shift]
    error = (x @ weights[0].T) @ weights[1].T + shift - y
    expected = np.mean(np.sum(error**2, axis=1)) + 0.1 * np.sum(weights[0] ** 2) + 0.2 * np.sum(weights[1] ** 2)
    np.testing.assert_allclose(float(objective(of_samples(x, y), weights, [0.1, 0.2], biases)), expected, rtol=1e-12)
    chain, offset = composed(weights, biases)
    np.testing.assert_allclose(np.array(chain, dtype=float), weights[1] @ weights[0], rtol=1e-12)
    np.testing.assert_allclose(np.array(offset, dtype=float), shift, rtol=1e-15)


@SEEDS
def test_noise_adds_the_variance_of_the_output(seed: int) -> None:
    """Every product of signs ``1 +- sqrt(s)`` has mean one and variance s."""
    rng = np.random.default_rng(seed)
    x, y = table(seed)
    weights = [rng.normal(size=(2, 3)), rng.normal(size=(2, 2)), rng.normal(size=(1, 2))]
    losses = []
    for signs in np.ndindex(2, 2, 2, 2):
        first, second = (1.0 + np.array([0.5, 0.25])[:, None] * (2.0 * np.reshape(signs, (2, 2)) - 1.0)).tolist()
        error = ((x @ weights[0].T * first) @ weights[1].T * second) @ weights[2].T - y
        losses.append(np.mean(error**2))
    told = objective(of_samples(x, y), weights, [0.0] * 3, noise=[0.25, 0.0625])
    np.testing.assert_allclose(float(told), np.mean(losses), rtol=1e-11)


@SEEDS
def test_the_best_map_of_a_rank_is_that_of_floating_point(seed: int) -> None:
    x, y = table(seed, outputs=3)
    data = of_samples(x, y)
    basis, _ = np.linalg.qr(x)
    rest = np.sum((y - basis @ (basis.T @ y)) ** 2)
    values = np.linalg.svd(basis.T @ y, compute_uv=False)
    for rank in range(4):
        expected = (rest + np.sum(values[rank:] ** 2)) / 12
        np.testing.assert_allclose(float(least_loss_of_rank(data, rank)), expected, rtol=1e-10)


@SEEDS
def test_the_least_loss_in_a_ball_is_between_the_free_one_and_that_of_zero(seed: int) -> None:
    x, y = table(seed)
    data = of_samples(x, y)
    free = least_squares(data)
    norm = float(np.linalg.norm(np.array(free.map, dtype=float)))
    losses = [float(least_loss_within(data, share * norm)) for share in (0.0, 0.3, 0.6, 0.9, 1.1)]
    assert losses == sorted(losses, reverse=True)
    np.testing.assert_allclose([losses[0], losses[-1]], [float(data.yy), float(free.loss)], rtol=1e-12)
    rng = np.random.default_rng(seed)
    for _ in range(200):
        w = rng.normal(size=(1, 3))
        w *= 0.6 * norm / np.linalg.norm(w)
        assert float(objective(data, [w], [0.0])) >= losses[2]


@pytest.mark.parametrize("depth", [0, 1, 2])
@pytest.mark.parametrize("unit", [1e39, 1e-60, 1e301])
def test_columns_of_any_unit_are_seen(unit: float, depth: int) -> None:
    """A column that stands alone, in units so large or small that decay spares it all or takes it all."""
    x, y = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]]), np.array([[3.0], [-1.0], [1.0], [-3.0]])
    both = exact_minimum(of_samples(x * np.array([1.0, unit]), y), [1e-3] * (depth + 1))
    one = exact_minimum(of_samples(x[:, :1], y - 2.0 * x[:, 1:] if unit > 1.0 else y), [1e-3] * (depth + 1))
    assert float(both.loss) == pytest.approx(float(one.loss), rel=1e-9)


def test_scaled_condition_sees_neither_units_nor_offsets_and_grows_with_likeness() -> None:
    x, y = table(0)
    plain = scaled_condition(of_samples(x, y).centred())
    other = scaled_condition(of_samples(x * 2.0 ** np.array([30, -40, 7]), y).centred())
    assert plain == pytest.approx(other, rel=1e-12)
    assert scaled_condition(of_samples(np.hstack([x, np.zeros((12, 1))]), y).centred()) == pytest.approx(plain)
    assert scaled_condition(of_samples(np.hstack([x, x[:, :1]]), y)) == float("inf")
    near = np.hstack([x, x[:, :1] * (1.0 + 1e-9 * y)])
    assert 1e7 < scaled_condition(of_samples(near, y)) < 1e12


def test_semidefinite_to_the_last_bit() -> None:
    up, down = np.nextafter(1.0, 2.0), np.nextafter(1.0, 0.0)
    assert joint_is_semidefinite(of_floats(np.ones((1, 1)), np.ones((1, 1)), 1.0))
    assert joint_is_semidefinite(of_floats(np.ones((1, 1)), np.ones((1, 1)), up))
    assert not joint_is_semidefinite(of_floats(np.ones((1, 1)), np.ones((1, 1)), down))
    assert not semidefinite([[Fraction(0), Fraction(1)], [Fraction(1), Fraction(1)]])
