"""Rules against the points that they speak of: curves of equal loss, saddles, collapsed networks, separating ones."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize

from service.core.catalogue import LANDSCAPE_RULES
from service.core.ground.data.moments import moments_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Network, Problem, Samples, shapes_of
from service.core.landscapes.networks.affine import best_affine_loss
from service.core.landscapes.networks.collapsed import collapsed_of
from service.core.landscapes.networks.exact_fit import exact_fit_of
from service.core.landscapes.networks.fewer_units import least_of_fewer
from service.core.landscapes.networks.trained import margin_of, separating, start_of
from service.core.landscapes.verdicts import apply, rulings
from service.core.landscapes.witnesses.search import hessian
from service.core.landscapes.witnesses.table import witnesses
from service.core.losses.dense import DenseParameters, flatten, unflatten
from service.core.losses.nonlinear import evaluate, loss_of, outputs_of
from service.core.theorems.flat_saddles import FLAT
from service.core.theorems.linear_shallow_saddles import ALL_STRICT
from service.core.theorems.rescaled_units import free_layers
from service.vocabulary import Activation, Bias, Loss, Property
from tests.support.specs import random_spec

LOSSES = (Loss.SQUARED, Loss.WEIGHTED_SQUARED, Loss.LOGISTIC, Loss.EXPONENTIAL, Loss.CROSS_ENTROPY)
SMOOTH = (Activation.TANH, Activation.SIGMOID, Activation.SOFTPLUS, Activation.QUADRATIC)
KINKED = (Activation.RELU, Activation.LEAKY_RELU)


def posed(
    loss: Loss,
    activation: Activation,
    widths: tuple[int, ...],
    *,
    bias: Bias = Bias.ALL,
    decay: float = 0.0,
    bias_decay: float = 0.0,
    seed: int = 0,
    n: int = 9,
) -> Problem:
    rng = np.random.default_rng(seed)
    outputs = 3 if loss is Loss.CROSS_ENTROPY else 1
    x = rng.normal(size=(n, 2))
    y = x @ rng.normal(size=(2, outputs)) + 0.5 * np.sin(3.0 * x[:, :1]) + 0.3 * rng.normal(size=(n, outputs))
    if loss is Loss.CROSS_ENTROPY:
        y = np.eye(outputs)[np.arange(n) % outputs]
    elif loss in (Loss.LOGISTIC, Loss.EXPONENTIAL):
        y = np.where(y > np.median(y), 1.0, -1.0)
    weights = rng.uniform(0.5, 2.0, size=y.shape) if loss is Loss.WEIGHTED_SQUARED else None
    slope = 0.1 if activation is Activation.LEAKY_RELU else None
    layers = tuple(Layer(width, activation, slope, decay) for width in widths)
    network = Network((*layers, Layer(outputs, weight_decay=decay)), bias=bias, bias_weight_decays=(bias_decay,) * 4)
    network = replace(network, bias_weight_decays=(bias_decay,) * network.n_layers)
    return Problem(network, moments_of(x, y), Samples(x, y, weights), loss)


def test_the_loss_is_constant_along_the_scale_of_a_unit() -> None:
    tried = 0
    for seed in range(200):
        problem = random_spec(seed)
        free = free_layers(problem)
        if problem.samples is None or not free or problem.network.input_noise_variance:
            continue
        place = free[-1]
        kind = problem.network.layers[place].activation
        point = start_of(problem, seed)
        before = loss_of(problem.network, problem.loss, point, problem.samples)
        for factor in (0.3, 7.0):
            weights = [weight.copy() for weight in point.weights]
            biases = [None if bias is None else bias.copy() for bias in point.biases]
            weights[place][0] *= factor
            if (bias := biases[place]) is not None:
                bias[0] *= factor
            weights[place + 1][:, 0] /= factor ** (2.0 if kind is Activation.QUADRATIC else 1.0)
            moved = DenseParameters(tuple(weights), tuple(biases))
            after = loss_of(problem.network, problem.loss, moved, problem.samples)
            assert after == pytest.approx(before, rel=1e-9)
        tried += 1
    assert tried > 30


def test_saddles_of_one_hidden_linear_layer_are_strict_on_degenerate_data() -> None:
    rng = np.random.default_rng(0)
    for _ in range(40):
        x = rng.normal(size=(6, 2)) @ rng.normal(size=(2, 4))
        left, _, right = np.linalg.svd(rng.normal(size=(6, 3)), full_matrices=False)
        y = left @ np.diag([2.0, 1.0, 1.0]) @ right
        problem = Problem(Network((Layer(2), Layer(3))), moments_of(x, y), Samples(x, y))
        assert apply([ALL_STRICT], problem)[0].applies is True
        # a critical point: columns are eigenvectors that are not the leading ones, the map is least squares
        kept = rng.choice(3, size=int(rng.integers(0, 3)), replace=False)
        second = y.T @ x @ np.linalg.pinv(x.T @ x) @ x.T @ y
        values, vectors = np.linalg.eigh(second)
        outer = np.zeros((3, 2))
        outer[:, : len(kept)] = vectors[:, kept]
        inner = np.linalg.pinv(outer) @ y.T @ np.linalg.pinv(x.T)
        point = DenseParameters.without_biases([inner, outer])
        found = evaluate(problem.network, problem.loss, point, problem.samples or Samples(x, y))
        assert np.linalg.norm(flatten(found.gradient)) < 1e-8
        missed = np.sort(values)[::-1][:2].sum() - values[kept].sum()
        least = np.linalg.eigvalsh(hessian(problem.network, problem.loss, Samples(x, y), point))[0]
        assert missed < 1e-9 or least < -1e-6


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", [*SMOOTH, *KINKED])
def test_a_deep_network_with_biases_has_a_saddle_without_curvature(loss: Loss, activation: Activation) -> None:
    problem = posed(loss, activation, (2, 3))
    assert apply([FLAT], problem)[0].applies is True
    samples, collapsed = problem.samples, collapsed_of(problem)
    assert samples is not None
    assert collapsed is not None
    point = collapsed.point(problem, 1.0)
    found = evaluate(problem.network, problem.loss, point, samples)
    assert np.linalg.norm(flatten(found.gradient)) < 1e-8
    assert np.linalg.eigvalsh(hessian(problem.network, problem.loss, samples, point))[0] > -1e-6
    assert _falls(problem, samples, point, found.loss)


def _falls(problem: Problem, samples: Samples, point: DenseParameters, loss: float) -> bool:
    """Whether a product of changes of all layers, the output bias adjusted, lowers the loss close by."""
    size, collapsed = 0.05, collapsed_of(problem)
    assert collapsed is not None
    for seed in range(40):
        rng = np.random.default_rng(seed)
        weights = [size * rng.choice([-1.0, 1.0], size=weight.shape) for weight in point.weights]
        moved = DenseParameters(tuple(weights), point.biases)
        centre = outputs_of(problem.network, moved, samples.x).mean(axis=0)
        biases = (*point.biases[:-1], collapsed.constant - (centre - collapsed.constant))
        if loss_of(problem.network, problem.loss, DenseParameters(moved.weights, biases), samples) < loss:
            return True
    return False


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(
    ("widths", "activation", "bias_decay", "name"),
    [
        ((3, 3), Activation.TANH, 0.0, "W15"),
        ((3, 3), Activation.SIGMOID, 0.0, "W15"),
        ((3, 2, 3), Activation.SOFTPLUS, 0.0, "W15"),
        ((4, 4), Activation.LEAKY_RELU, 1e-3, "W15"),
        ((4,), Activation.RELU, 0.0, "W16"),
        ((4, 4), Activation.RELU, 0.0, "W16"),
    ],
)
def test_collapsed_networks_are_bad_minima(
    loss: Loss, widths: tuple[int, ...], activation: Activation, bias_decay: float, name: str
) -> None:
    problem = posed(loss, activation, widths, decay=1e-4, bias_decay=bias_decay, n=14)
    found = apply(LANDSCAPE_RULES, problem)
    assert rulings(found)[Property.SPURIOUS_MINIMA_EXIST].value is True
    (shown,) = [one for one in witnesses(problem, found) if one.construction.id == name]
    assert shown.verified.holds, shown.verified.numbers
    if bias_decay:
        assert rulings(found)[Property.NO_BAD_STRICT_MINIMA].value is False


def test_a_weakly_decayed_hidden_bias_takes_over_from_a_strongly_decayed_output_bias() -> None:
    problem = posed(Loss.SQUARED, Activation.TANH, (3, 3), decay=1e-3)
    assert problem.samples is not None
    shifted = Samples(problem.samples.x, problem.samples.y + 30.0)
    network = replace(problem.network, bias_weight_decays=(1e-3, 1e-3, 0.5))
    problem = Problem(network, moments_of(shifted.x, shifted.y), shifted)
    (rule,) = [one for one in apply(LANDSCAPE_RULES, problem) if one.theorem.id == "R56"]
    assert rule.applies is False
    collapsed = collapsed_of(problem)
    assert collapsed is not None
    least = np.linalg.eigvalsh(hessian(network, problem.loss, shifted, collapsed.point(problem, 0.0)))[0]
    assert least < -1e-3


@pytest.mark.parametrize("activation", [Activation.TANH, Activation.SIGMOID, Activation.RELU])
def test_a_network_that_separates_shows_its_margin(activation: Activation) -> None:
    x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    y = np.array([[-1.0], [1.0], [1.0], [-1.0]])
    network = Network((Layer(2, activation), Layer(1)), bias=Bias.ALL, bias_weight_decays=(0.0, 0.0))
    problem = Problem(network, moments_of(x, y), Samples(x, y), Loss.LOGISTIC)
    found = separating(problem)
    assert found is not None
    margin = _least_margin(problem, found[0])
    assert margin == pytest.approx(found[1])
    assert margin > 0.0
    verdicts = rulings(apply(LANDSCAPE_RULES, problem))
    assert verdicts[Property.MINIMUM_ATTAINED].value is False
    assert verdicts[Property.DESCENT_PATH_TO_INFINITY].value is True


def _least_margin(problem: Problem, point: DenseParameters) -> float:
    assert problem.samples is not None
    outputs: FloatArray = outputs_of(problem.network, point, problem.samples.x)
    return margin_of(problem.loss, outputs, problem.samples.y)


def test_probabilities_as_targets_leave_the_infimum_attained_or_not_but_above_zero() -> None:
    problem = posed(Loss.CROSS_ENTROPY, Activation.TANH, (9,))
    assert problem.samples is not None
    soft = Samples(problem.samples.x, 0.8 * problem.samples.y + 0.2 / 3.0)
    problem = Problem(problem.network, moments_of(soft.x, soft.y), soft, Loss.CROSS_ENTROPY)
    (rule,) = [one for one in apply(LANDSCAPE_RULES, problem) if one.theorem.id == "R46"]
    assert rule.applies is False


def test_shapes_of_a_start_are_those_of_the_network() -> None:
    problem = posed(Loss.SQUARED, Activation.TANH, (3, 2))
    point = start_of(problem, 0)
    assert [weight.shape for weight in point.weights] == list(shapes_of(problem.network, 2))
    assert np.array_equal(flatten(unflatten(flatten(point), point)), flatten(point))


def _xor(activation: Activation, loss: Loss) -> Problem:
    x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    y = np.array([[0.0], [1.0], [1.0], [0.0]])
    y = y if loss is Loss.SQUARED else 2.0 * y - 1.0
    network = Network((Layer(2, activation), Layer(1)), bias=Bias.ALL, bias_weight_decays=(0.0, 0.0))
    return Problem(network, moments_of(x, y), Samples(x, y), loss)


@pytest.mark.parametrize("loss", [Loss.SQUARED, Loss.LOGISTIC, Loss.EXPONENTIAL])
@pytest.mark.parametrize("activation", [Activation.RELU, Activation.TANH, Activation.SIGMOID, Activation.SOFTPLUS])
def test_no_single_unit_goes_below_its_bound(loss: Loss, activation: Activation) -> None:
    problem = _xor(activation, loss)
    bound = least_of_fewer(problem)
    assert bound is not None
    single = replace(problem, network=replace(problem.network, layers=(Layer(1, activation), Layer(1))))
    assert single.samples is not None
    reached = []
    for seed in range(20):
        start = start_of(single, seed)

        def objective(flat: FloatArray, like: DenseParameters = start) -> tuple[float, FloatArray]:
            found = evaluate(single.network, loss, unflatten(flat, like), single.samples or Samples(flat, flat))
            return found.loss, flatten(found.gradient)

        with np.errstate(over="ignore", invalid="ignore"):
            reached.append(minimize(objective, flatten(start), jac=True, method="L-BFGS-B").fun)
    assert min(reached) >= bound - 1e-9
    verdict = rulings(apply(LANDSCAPE_RULES, problem))[Property.SUBLEVEL_SETS_CONNECTED]
    # units whose signs cannot be changed need a network with both signs, which a descent meets or not
    assert verdict.value is False or (verdict.value is None and activation in (Activation.RELU, Activation.SOFTPLUS))


def test_three_units_are_not_needed_for_exclusive_or() -> None:
    problem = _xor(Activation.TANH, Loss.SQUARED)
    wide = replace(problem, network=replace(problem.network, layers=(Layer(3, Activation.TANH), Layer(1))))
    assert rulings(apply(LANDSCAPE_RULES, wide))[Property.SUBLEVEL_SETS_CONNECTED].value is None


@pytest.mark.parametrize("activation", [Activation.TANH, Activation.SIGMOID, Activation.SOFTPLUS, Activation.RELU])
def test_exact_fits_are_close_to_their_points(activation: Activation) -> None:
    problem = posed(Loss.SQUARED, activation, (6, 6), n=7)
    found = exact_fit_of(problem)
    assert found is not None
    assert problem.samples is not None
    assert found.contraction < 0.9
    assert found.radius < 1e-6
    errors = outputs_of(problem.network, found.point, problem.samples.x) - problem.samples.y
    assert np.abs(errors).max() <= found.error
    assert rulings(apply(LANDSCAPE_RULES, problem))[Property.MINIMUM_ATTAINED].value is True


def test_no_fit_of_more_targets_than_weights_or_of_conflicting_ones_is_claimed() -> None:
    assert exact_fit_of(posed(Loss.SQUARED, Activation.TANH, (2,), n=30)) is None
    problem = posed(Loss.SQUARED, Activation.TANH, (6,), n=6)
    assert problem.samples is not None
    x = problem.samples.x.copy()
    x[0] = x[1]
    conflicting = Problem(problem.network, moments_of(x, problem.samples.y), Samples(x, problem.samples.y))
    assert exact_fit_of(conflicting) is None


def test_saddles_of_one_relu_layer_off_the_kinks_curve_down() -> None:
    # units without output weights that do not see the errors on average, but see them along some direction
    rng = np.random.default_rng(4)
    for _ in range(30):
        x = rng.normal(size=(9, 2))
        network = Network((Layer(2, Activation.RELU), Layer(1)), bias=Bias.ALL, bias_weight_decays=(0.0, 0.0))
        inner, offset = rng.normal(size=(2, 2)), rng.normal(size=2)
        features = np.maximum(x @ inner.T + offset, 0.0)
        seen = np.column_stack([features, np.ones(9)])
        y = rng.normal(size=(9, 1))
        errors = y - seen @ np.linalg.lstsq(seen, y, rcond=None)[0]
        samples = Samples(x, errors + 0.7)
        problem = Problem(network, moments_of(x, samples.y), samples)
        point = DenseParameters((inner, np.zeros((1, 2))), (offset, np.array([0.7])))
        found = evaluate(network, problem.loss, point, samples)
        assert np.linalg.norm(flatten(found.gradient)) < 1e-12
        active = features > 0.0
        pulls = [np.linalg.norm(np.column_stack([x, np.ones(9)])[on].T @ errors[on]) for on in active.T]
        least = np.linalg.eigvalsh(hessian(network, problem.loss, samples, point))[0]
        assert bool(least < -1e-6) is bool(max(pulls) > 1e-9)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(("widths", "activation"), [((3,), Activation.LEAKY_RELU), ((3, 3), Activation.RELU)])
def test_the_best_affine_map_is_a_local_minimum_of_active_units(
    loss: Loss, widths: tuple[int, ...], activation: Activation
) -> None:
    problem = posed(loss, activation, widths, n=14, seed=1)
    samples, affine = problem.samples, best_affine_loss(problem)
    assert samples is not None
    assert affine is not None
    # random networks whose units are all active never go below, and descents of those stay above it
    rng = np.random.default_rng(0)
    for _ in range(50):
        point = start_of(problem, int(rng.integers(1_000)))
        biases = tuple(None if part is None else part + 50.0 for part in point.biases)
        active = DenseParameters(tuple(0.1 * weight for weight in point.weights), biases)
        assert loss_of(problem.network, problem.loss, active, samples) >= affine - 1e-9
    found = apply(LANDSCAPE_RULES, problem)
    (rule,) = [one for one in found if one.theorem.id == "R36b"]
    assert rule.applies is True
    assert rulings(found)[Property.SPURIOUS_MINIMA_EXIST].value is True


@pytest.mark.parametrize("loss", LOSSES)
def test_deep_relu_networks_without_biases_can_be_silent_on_any_inputs(loss: Loss) -> None:
    problem = posed(loss, Activation.RELU, (2, 3), bias=Bias.NONE, n=12)
    assert problem.samples is not None
    found = apply(LANDSCAPE_RULES, problem)
    (rule,) = [one for one in found if one.theorem.id == "R39b"]
    assert rule.applies is True
    rng = np.random.default_rng(2)
    outer = rng.normal(size=(len(problem.samples.y[0]), 3))
    inner = np.array([[1.0, 0.3], [-1.0, -0.3]])
    silent = DenseParameters.without_biases([inner, -np.ones((3, 2)), outer])
    at_rest = loss_of(problem.network, problem.loss, silent, problem.samples)
    for _ in range(100):
        moved = unflatten(flatten(silent) + 1e-3 * rng.normal(size=flatten(silent).size), silent)
        assert loss_of(problem.network, problem.loss, moved, problem.samples) == at_rest
