"""False witnesses are refuted; losses and gradients of networks with activations are right."""

from dataclasses import replace

import numpy as np
import pytest

from service.core.asked.landscape import summarise
from service.core.ground.data.moments import moments_of
from service.core.ground.problems import Layer, Network, Problem, Samples, shapes_of
from service.core.landscapes.witnesses.checks import verify
from service.core.landscapes.witnesses.claims import Construction, WitnessClaim
from service.core.landscapes.witnesses.table import witnesses
from service.core.losses.dense import DenseParameters
from service.core.losses.nonlinear import evaluate, loss_of
from service.vocabulary import RELU_LOSSES, Activation, Bias, Loss


def problem(
    seed: int, n: int, inputs: int, widths: tuple[int, ...], activation: Activation, bias: Bias, decay: float = 0.0
) -> Problem:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, inputs))
    y = x @ rng.normal(size=(inputs, widths[-1])) + 0.7 * rng.normal(size=(n, widths[-1]))
    slope = 0.2 if activation is Activation.LEAKY_RELU else None
    layers = [Layer(width, activation, slope, decay) for width in widths[:-1]]
    layers.append(Layer(widths[-1], weight_decay=decay))
    network = Network(tuple(layers), 0.0, bias, (0.0,) * len(layers))
    return Problem(network, moments_of(x, y), Samples(x, y))


def relu(seed: int, n: int, inputs: int, width: int) -> Problem:
    return problem(seed, n, inputs, (width, 1), Activation.RELU, Bias.ALL)


def wide_tanh(seed: int, n: int, inputs: int, width: int) -> Problem:
    return problem(seed, n, inputs, (n + width, 2), Activation.TANH, Bias.ALL)


def test_a_false_witness_is_refuted() -> None:
    posed = relu(0, 9, 2, 4)
    true = next(item for item in witnesses(posed, summarise(posed).rules) if item.construction.id == "W1")
    better = true.construction.better
    assert better is not None
    swapped = Construction(
        "W1", "the better point", "R36", WitnessClaim.SPURIOUS_MINIMUM, better, true.construction.point
    )
    assert not verify(posed, swapped).holds


def test_a_path_that_rises_is_refuted() -> None:
    posed = wide_tanh(0, 6, 2, 3)
    true = next(item for item in witnesses(posed, summarise(posed).rules) if item.construction.id == "W7")
    path = tuple(reversed(true.construction.path))
    turned = Construction("W7", "reversed", "R24", WitnessClaim.NON_INCREASING_PATH, path[0], None, path)
    assert not verify(posed, turned).holds


def test_a_minimum_that_is_not_global_has_a_gap_to_its_bound() -> None:
    posed = problem(1, 10, 2, (8, 1), Activation.RELU, Bias.NONE, decay=0.05)
    true = next(item for item in witnesses(posed, summarise(posed).rules) if item.construction.id == "W12")
    worse = DenseParameters.without_biases([1.1 * weight for weight in true.construction.point.weights])
    refuted = verify(posed, replace(true.construction, point=worse))
    assert not refuted.holds
    # the bound is valid from any point, and below the minimum
    assert float(refuted.numbers["lower_bound"]) < float(true.verified.numbers["loss"])


def test_wrong_classes_and_steps_too_long_are_refuted() -> None:
    posed = problem(0, 4, 2, (3, 3, 2), Activation.LINEAR, Bias.NONE, decay=0.03)
    x = np.vstack([np.eye(2), -np.eye(2)])
    assert posed.samples is not None
    white = Problem(posed.network, moments_of(x, posed.samples.y), Samples(x, posed.samples.y))
    true = next(item for item in witnesses(white, summarise(white).rules) if item.construction.id == "W10")
    assert true.verified.holds
    swapped = tuple(reversed(true.construction.classes))
    assert swapped != true.construction.classes
    assert not verify(white, replace(true.construction, classes=swapped)).holds

    signs = np.where(np.arange(800) % 2 == 0, 1.0, -1.0)[None] / np.sqrt(800.0)
    layers = (Layer(800, Activation.RELU), Layer(1, frozen_weights=signs))
    inputs = posed.samples.x / np.linalg.norm(posed.samples.x, axis=1, keepdims=True)
    one = posed.samples.y[:, :1]
    fixed = Problem(Network(layers), moments_of(inputs, one), Samples(inputs, one))
    kernel = next(item for item in witnesses(fixed, summarise(fixed).rules) if item.construction.id == "W13")
    assert kernel.verified.holds
    assert kernel.construction.step is not None
    assert not verify(fixed, replace(kernel.construction, step=10.0 * kernel.construction.step)).holds


def test_a_neuron_that_is_blind_to_the_errors_does_not_move_a_minimum() -> None:
    posed = relu(0, 9, 2, 4)
    true = next(item for item in witnesses(posed, summarise(posed).rules) if item.construction.id == "W9")
    # the errors at the best affine map are orthogonal to a constant
    assert not verify(posed, replace(true.construction, exponent=np.zeros(2))).holds


@pytest.mark.parametrize("bias", [Bias.NONE, Bias.OUTPUT, Bias.ALL])
@pytest.mark.parametrize(
    ("loss", "outputs"), [(Loss.LOGISTIC, 1), (Loss.EXPONENTIAL, 1), (Loss.CROSS_ENTROPY, 2), (Loss.CROSS_ENTROPY, 4)]
)
def test_a_growing_output_descends_to_infinity(loss: Loss, outputs: int, bias: Bias) -> None:
    posed = problem(2, 14, 3, (4, 5, outputs), Activation.LINEAR, bias)
    assert posed.samples is not None
    x = posed.samples.x
    truth = x @ np.random.default_rng(7).normal(size=(3, outputs))
    y = np.where(truth > 0.0, 1.0, -1.0) if outputs == 1 else np.eye(outputs)[np.argmax(truth, axis=1)]
    labelled = Problem(posed.network, moments_of(x, y), Samples(x, y), loss)
    (shown,) = witnesses(labelled, summarise(labelled).rules)
    assert shown.construction.id == "W8"
    assert shown.verified.holds, shown.verified.numbers


@pytest.mark.parametrize("activation", list(Activation))
@pytest.mark.parametrize("loss", sorted({*Loss} - RELU_LOSSES))
def test_gradients_agree_with_differences(activation: Activation, loss: Loss) -> None:
    outputs = 3 if loss is Loss.CROSS_ENTROPY else 1
    posed = problem(5, 8, 3, (4, 5, outputs), activation, Bias.ALL, decay=0.1)
    assert posed.samples is not None
    y = posed.samples.y
    if loss in (Loss.LOGISTIC, Loss.EXPONENTIAL):
        y = np.where(y > 0.0, 1.0, -1.0)
    elif loss is Loss.CROSS_ENTROPY:
        y = np.eye(3)[np.argmax(y, axis=1)]
    weights = np.random.default_rng(8).uniform(0.1, 2.0, size=y.shape) if loss is Loss.WEIGHTED_SQUARED else None
    samples = Samples(posed.samples.x, y, weights)
    rng = np.random.default_rng(1)
    shapes = shapes_of(posed.network, 3)
    point = DenseParameters(
        tuple(0.5 * rng.normal(size=shape) for shape in shapes), tuple(rng.normal(size=shape[0]) for shape in shapes)
    )
    found = evaluate(posed.network, loss, point, samples)
    assert found.loss == pytest.approx(loss_of(posed.network, loss, point, samples), rel=1e-14)
    for layer in range(3):
        for array, gradient in (
            (point.weights[layer], found.gradient.weights[layer]),
            (point.biases[layer], found.gradient.biases[layer]),
        ):
            assert array is not None
            assert gradient is not None
            direction = rng.normal(size=array.shape)
            kept = array.copy()
            ends = []
            for sign in (1.0, -1.0):
                array[...] = kept + sign * 1e-6 * direction
                ends.append(loss_of(posed.network, loss, point, samples))
            array[...] = kept
            slope = (ends[0] - ends[1]) / 2e-6
            assert slope == pytest.approx(float(np.sum(gradient * direction)), rel=1e-6, abs=1e-8)
