"""Every witness on at least five networks, verified from losses and gradients alone."""

from collections.abc import Callable

import numpy as np
import pytest

from service.core.landscape import landscape
from service.core.landscapes.witnesses.checks import verify
from service.core.landscapes.witnesses.claims import Claim, Construction
from service.core.losses import DenseParameters
from service.core.moments import moments_of
from service.core.nonlinear import evaluate, loss_of
from service.core.problems import Layer, Network, Problem, Samples, shapes_of
from service.core.witnesses import witnesses
from service.vocabulary import Activation, Bias, Loss

SHAPES = [(6, 1, 3), (9, 2, 2), (12, 2, 4), (7, 3, 5), (10, 4, 3), (15, 2, 12)]


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


def deep_leaky(seed: int, n: int, inputs: int, width: int) -> Problem:
    return problem(seed, n, inputs, (width, width, 1), Activation.LEAKY_RELU, Bias.ALL)


def deep_relu(seed: int, n: int, inputs: int, width: int) -> Problem:
    return problem(seed, n, inputs, (width, width, 2), Activation.RELU, Bias.ALL)


def deep_decayed(seed: int, n: int, inputs: int, width: int) -> Problem:
    kind = Activation.RELU if seed % 2 else Activation.LINEAR
    return problem(seed, n, inputs, (width, width, 2), kind, Bias.NONE, decay=1e-3)


def deep_linear(seed: int, n: int, inputs: int, width: int) -> Problem:
    return problem(seed, n, inputs, (width, width, 2), Activation.LINEAR, Bias.NONE)


def shallow_linear(seed: int, n: int, inputs: int, width: int) -> Problem:
    return problem(seed, n, inputs, (width, 1), Activation.LINEAR, Bias.NONE)


def wide_tanh(seed: int, n: int, inputs: int, width: int) -> Problem:
    return problem(seed, n, inputs, (n + width, 2), Activation.TANH, Bias.ALL)


KINDS: list[tuple[str, Callable[[int, int, int, int], Problem]]] = [
    ("W1", relu),
    ("W1", deep_leaky),
    ("W2", deep_relu),
    ("W4", deep_decayed),
    ("W5", deep_linear),
    ("W6", shallow_linear),
    ("W7", wide_tanh),
]


@pytest.mark.parametrize(("name", "build"), KINDS, ids=[f"{name}-{build.__name__}" for name, build in KINDS])
@pytest.mark.parametrize(("seed", "shape"), list(enumerate(SHAPES)))
def test_a_witness_is_verified(
    name: str, build: Callable[[int, int, int, int], Problem], seed: int, shape: tuple[int, int, int]
) -> None:
    posed = build(seed, *shape)
    shown = {item.construction.id: item for item in witnesses(posed, landscape(posed).rules)}
    assert name in shown
    assert shown[name].verified.holds, shown[name].verified.numbers


def test_a_false_witness_is_refuted() -> None:
    posed = relu(0, 9, 2, 4)
    true = next(item for item in witnesses(posed, landscape(posed).rules) if item.construction.id == "W1")
    better = true.construction.better
    assert better is not None
    swapped = Construction("W1", "the better point", "R36", Claim.SPURIOUS_MINIMUM, better, true.construction.point)
    assert not verify(posed, swapped).holds


def test_a_path_that_rises_is_refuted() -> None:
    posed = wide_tanh(0, 6, 2, 3)
    true = next(item for item in witnesses(posed, landscape(posed).rules) if item.construction.id == "W7")
    path = tuple(reversed(true.construction.path))
    turned = Construction("W7", "reversed", "R24", Claim.NON_INCREASING_PATH, path[0], None, path)
    assert not verify(posed, turned).holds


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
    (shown,) = witnesses(labelled, landscape(labelled).rules)
    assert shown.construction.id == "W8"
    assert shown.verified.holds, shown.verified.numbers


@pytest.mark.parametrize("activation", list(Activation))
@pytest.mark.parametrize("loss", [item for item in Loss if item is not Loss.WEIGHTED_SQUARED])
def test_gradients_agree_with_differences(activation: Activation, loss: Loss) -> None:
    outputs = 3 if loss is Loss.CROSS_ENTROPY else 1
    posed = problem(5, 8, 3, (4, 5, outputs), activation, Bias.ALL, decay=0.1)
    assert posed.samples is not None
    y = posed.samples.y
    if loss in (Loss.LOGISTIC, Loss.EXPONENTIAL):
        y = np.where(y > 0.0, 1.0, -1.0)
    elif loss is Loss.CROSS_ENTROPY:
        y = np.eye(3)[np.argmax(y, axis=1)]
    samples = Samples(posed.samples.x, y)
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
