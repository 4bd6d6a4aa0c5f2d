"""Slices, Hessian products, Lanczos and paths against what differences, dense algebra and hand cases say."""

from dataclasses import replace

import numpy as np
import pytest

from service.core.asked.sweeps.widths import width_marks
from service.core.curvature.lanczos import density, lanczos
from service.core.ground.data.moments import moments_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Network, Problem, Samples
from service.core.losses.dense import DenseParameters, flatten, unflatten
from service.core.pictures.curves import aligned, bend, bezier_weights, profile, straight
from service.core.pictures.descent import descend, random_start
from service.core.pictures.directions import cosine, fingerprint, random_direction
from service.core.pictures.objective import objective_of, shape_of
from service.core.pictures.rows import rows_of
from service.core.pictures.wide_path import WidePath, wide_path
from service.vocabulary import Activation, Bias, Loss, Normalisation, Precision, Property

LOSSES = (Loss.SQUARED, Loss.LOGISTIC, Loss.EXPONENTIAL, Loss.CROSS_ENTROPY)


def problem(
    activation: Activation, *widths: int, loss: Loss = Loss.SQUARED, decay: float = 0.0, n: int = 12, seed: int = 0
) -> Problem:
    rng = np.random.default_rng(seed)
    outputs = 3 if loss is Loss.CROSS_ENTROPY else 1
    x = rng.normal(size=(n, 2))
    y = rng.normal(size=(n, outputs))
    if loss is Loss.CROSS_ENTROPY:
        y = np.eye(outputs)[rng.integers(0, outputs, n)]
    elif loss is not Loss.SQUARED:
        y = np.sign(y)
    slope = 0.2 if activation is Activation.LEAKY_RELU else None
    layers = tuple(Layer(width, activation, slope, decay) for width in widths)
    network = Network(
        (*layers, Layer(outputs, weight_decay=decay)),
        bias=Bias.ALL,
        bias_weight_decays=(0.3 * decay,) * (len(widths) + 1),
    )
    return Problem(network, moments_of(x, y), Samples(x, y), loss)


def direction_at(point: FloatArray) -> FloatArray:
    return 0.1 * np.random.default_rng(1).normal(size=point.size)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", list(Activation))
def test_rows_are_losses_and_products_are_derivatives_of_gradients(activation: Activation, loss: Loss) -> None:
    posed = problem(activation, 5, 4, loss=loss, decay=0.1)
    objective, point = objective_of(posed), random_start(posed, 0, 0)
    along, positions = direction_at(point), np.linspace(-1.0, 1.0, 7)
    expected = np.array([objective.slope(point + position * along)[0] for position in positions])
    np.testing.assert_allclose(rows_of(posed, along, positions).losses(point), expected, rtol=1e-12)
    single = rows_of(posed, along, positions, Precision.SINGLE).losses(point)
    np.testing.assert_allclose(single, expected, rtol=1e-5)
    step = 1e-6
    ahead, behind = objective.slope(point + step * along)[1], objective.slope(point - step * along)[1]
    found = objective.products(point)(along)
    np.testing.assert_allclose(found, (ahead - behind) / (2.0 * step), atol=1e-7 * (1.0 + np.abs(found).max()))


def test_moments_and_samples_draw_the_same_linear_network_with_noise_on_top() -> None:
    linear = problem(Activation.LINEAR, 4, 3, decay=0.05)
    bent = problem(Activation.LEAKY_RELU, 4, 3, decay=0.05)
    layers = tuple(replace(layer, slope=1.0) for layer in bent.network.layers[:-1])
    same = replace(bent, network=replace(bent.network, layers=(*layers, bent.network.layers[-1])))
    point = random_start(linear, 3, 0)
    along, positions = direction_at(point), np.linspace(-2.0, 2.0, 5)
    drawn = rows_of(linear, along, positions).losses(point)
    np.testing.assert_allclose(drawn, rows_of(same, along, positions).losses(point), rtol=1e-11)
    noisy = tuple(replace(layer, noise_variance=0.5) for layer in linear.network.layers[:-1])
    network = replace(linear.network, layers=(*noisy, linear.network.layers[-1]))
    assert np.all(rows_of(replace(linear, network=network), along, positions).losses(point) > drawn)


def test_directions_have_the_length_of_the_weights_into_each_neuron() -> None:
    posed = problem(Activation.TANH, 5)
    like, point = shape_of(posed), random_start(posed, 0, 0)
    drawn = random_direction(point, like, Normalisation.FILTER, 7, 1)
    for step, here in zip(unflatten(drawn, like).weights, unflatten(point, like).weights, strict=True):
        np.testing.assert_allclose(np.linalg.norm(step, axis=1), np.linalg.norm(here, axis=1))
    assert all(not np.any(bias) for bias in unflatten(drawn, like).biases)
    whole = random_direction(point, like, Normalisation.LAYER, 7, 1)
    for step, here in zip(unflatten(whole, like).weights, unflatten(point, like).weights, strict=True):
        assert np.linalg.norm(step) == pytest.approx(np.linalg.norm(here))
    assert np.linalg.norm(random_direction(point, like, Normalisation.UNIT, 7, 1)) == pytest.approx(1.0)
    again, other = (random_direction(point, like, Normalisation.FILTER, 7, number) for number in (1, 2))
    assert fingerprint(again) == fingerprint(drawn) != fingerprint(other)
    assert cosine(drawn, drawn) == pytest.approx(1.0)
    assert cosine(drawn, np.zeros_like(drawn)) == 0.0


def test_lanczos_finds_the_ends_and_integrates_polynomials() -> None:
    rng = np.random.default_rng(5)
    square = rng.normal(size=(60, 60))
    matrix = square + square.T
    values = np.linalg.eigvalsh(matrix)
    start = rng.normal(size=60)
    unit = start / np.linalg.norm(start)
    short, full = (lanczos(lambda vector: matrix @ vector, start, steps) for steps in (12, 60))
    np.testing.assert_allclose(full.values, values, atol=1e-10)
    for theta, residual in zip(short.values, short.residuals, strict=True):
        assert np.min(np.abs(values - theta)) <= residual + 1e-10
    # twelve nodes integrate polynomials of degree 23 exactly as the start sees the spectrum
    moved = unit
    for degree in range(6):
        assert short.weights @ short.values**degree == pytest.approx(float(unit @ moved), rel=1e-9, abs=1e-9)
        moved = matrix @ moved
    assert len(lanczos(lambda vector: 3.0 * vector, start, 5).values) == 1
    grid = np.linspace(-40.0, 40.0, 4001)
    smooth = density([short.values], [short.weights], grid, 0.5)
    assert np.sum(smooth) * (grid[1] - grid[0]) == pytest.approx(1.0)


def test_bezier_curves_keep_their_ends_and_bending_lowers_the_barrier() -> None:
    shares = [[1.0, 0.0, 0.0], [0.25, 0.5, 0.25], [0.0, 0.0, 1.0]]
    np.testing.assert_allclose(bezier_weights(np.array([0.0, 0.5, 1.0]), 2), shares)
    posed = problem(Activation.TANH, 6, n=30, decay=1e-3)
    first, last = (descend(posed, random_start(posed, 0, run), 60) for run in (0, 1))
    control = straight(first.point, last.point, 2)
    bent = bend(posed, control, 15, 20)
    np.testing.assert_array_equal(bent[[0, -1]], control[[0, -1]])
    assert profile(posed, bent, 31).barrier < 0.5 * profile(posed, control, 31).barrier
    turned = aligned(posed, shape_of(posed), first.point, last.point)
    assert objective_of(posed).slope(turned)[0] == pytest.approx(last.loss, rel=1e-12)
    assert np.linalg.norm(turned - first.point) <= np.linalg.norm(last.point - first.point)
    assert np.linalg.norm(aligned(posed, shape_of(posed), first.point, first.point) - first.point) == 0.0


@pytest.mark.parametrize("loss", LOSSES)
def test_the_wide_path_never_exceeds_its_higher_end(loss: Loss) -> None:
    posed = problem(Activation.RELU, 17, loss=loss, n=8)
    objective = objective_of(posed)
    first, last = (descend(posed, random_start(posed, 2, run), steps).point for run, steps in ((0, 3), (1, 30)))
    found = wide_path(posed, first, last)
    assert isinstance(found, WidePath)
    np.testing.assert_array_equal(found.vertices[0], first)
    np.testing.assert_array_equal(found.vertices[-1], last)
    higher = max(objective.slope(end)[0] for end in (first, last))
    for here, there in zip(found.vertices[:-1], found.vertices[1:], strict=True):
        losses = [objective.slope((1.0 - share) * here + share * there)[0] for share in np.linspace(0.0, 1.0, 9)]
        assert max(losses) <= higher * (1.0 + 1e-9)


def test_the_wide_path_names_what_is_missing() -> None:
    wide = problem(Activation.TANH, 20, n=10)
    ends = [random_start(wide, 0, run) for run in (0, 1)]
    assert isinstance(wide_path(wide, *ends), WidePath)
    narrow = problem(Activation.TANH, 12, n=10)
    assert "together more than the width 12" in str(
        wide_path(narrow, *(random_start(narrow, 0, run) for run in (0, 1)))
    )
    decayed = problem(Activation.TANH, 20, n=10, decay=0.1)
    assert "without decay" in str(wide_path(decayed, *ends))
    deep = problem(Activation.TANH, 20, 20, n=10)
    assert "one hidden layer" in str(wide_path(deep, *(random_start(deep, 0, run) for run in (0, 1))))


def test_marks_are_where_verdicts_change() -> None:
    marks = width_marks(problem(Activation.TANH, 3, n=7), [2, 6, 7, 9])
    valleys = [mark for mark in marks if mark.about is Property.NO_SPURIOUS_VALLEYS]
    assert [(mark.width, mark.value) for mark in valleys] == [(7, True)]
    assert "R24" in valleys[0].because


@pytest.mark.parametrize("seed", range(20))
def test_no_loss_of_weights_that_fit_exactly_is_negative(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = 10.0 ** rng.uniform(-1.0, 2.0) * rng.normal(size=(6, 2))
    exact = DenseParameters(
        (rng.normal(size=(3, 2)), rng.normal(size=(2, 3))), (rng.normal(size=3), rng.normal(size=2))
    )
    first, last = exact.biases
    assert first is not None
    assert last is not None
    y = (x @ exact.weights[0].T + first) @ exact.weights[1].T + last
    posed = Problem(Network((Layer(3), Layer(2)), bias=Bias.ALL), moments_of(x, y), Samples(x, y))
    point = flatten(exact)
    assert objective_of(posed).slope(point)[0] >= 0.0
    near = rows_of(posed, direction_at(point), 1e-9 * np.linspace(-1.0, 1.0, 33)).losses(point)
    assert near.min() >= 0.0
    assert near.max() < 1e-10 * float(np.sum(y * y))
