"""Settings on which rank rules show where they hold and where one hypothesis breaks."""

from dataclasses import replace
from typing import Final

import numpy as np

from service.core.ground.data.moments import moments_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Network, Problem, Samples, Skip
from service.core.ranks.setting import Setting
from service.core.ranks.training import Teacher, Training
from service.vocabulary import Activation, Bias, Dynamics, InitialLoss, Loss, SkipKind

INPUTS: Final[FloatArray] = np.array(
    [[2.0, 1.0, 0.5], [1.0, 2.0, -0.5], [1.5, 1.5, 1.0], [-1.0, -2.0, 0.5], [-2.0, -0.5, 1.0], [-1.5, -1.0, -1.0]]
)
SIGNS: Final[FloatArray] = np.array([[1.0], [1.0], [1.0], [-1.0], [-1.0], [-1.0]])
THREE_CLASSES: Final[FloatArray] = np.repeat(np.eye(3), 2, axis=0)
THREE_INPUTS: Final[FloatArray] = np.array(
    [[3.0, 0.2, 0.0], [2.5, 0.0, 0.3], [0.1, 3.0, 0.0], [0.0, 2.0, 0.2], [0.0, 0.1, 3.0], [0.2, 0.0, 2.5]]
)


def setting(
    layers: tuple[Layer, ...],
    *,
    x: FloatArray = INPUTS,
    y: FloatArray = SIGNS,
    loss: Loss = Loss.LOGISTIC,
    training: Training | None = None,
    skips: tuple[Skip, ...] = (),
    bias: Bias = Bias.NONE,
) -> Setting:
    """A setting on samples (n, d), by default a separable problem of two classes that starts below chance."""
    network = Network(layers, bias=bias, bias_weight_decays=(0.0,) * len(layers), skips=skips)
    problem = Problem(network, moments_of(x, y), Samples(x, y), loss)
    started = Training(initial_loss=InitialLoss.BELOW_CHANCE) if training is None else training
    return Setting(problem, x.shape[1], started)


LINEAR: Final = (Layer(4), Layer(4), Layer(1))
MIXED: Final = (Layer(4, Activation.RELU), Layer(4), Layer(1))
RELU: Final = (Layer(4, Activation.RELU), Layer(1))
FITTED: Final = Training(initial_loss=1e-3)


def linear(**changes: object) -> Setting:
    """Three linear layers on two separable classes."""
    return setting(LINEAR, **changes)  # type: ignore[arg-type]  # forwarded keywords of `setting`


def with_layers(base: Setting, layers: tuple[Layer, ...]) -> Setting:
    """The same setting with another network."""
    return _with_network(base, replace(base.problem.network, layers=layers))


def with_activation(base: Setting, layer: int, activation: Activation, slope: float | None = None) -> Setting:
    """The same setting with another activation of one 0-based layer."""
    return _with_layer(base, layer, replace(base.problem.network.layers[layer], activation=activation, slope=slope))


def with_decay(base: Setting, decay: float) -> Setting:
    """The same setting with one decay for all layers."""
    layers = tuple(replace(layer, weight_decay=decay) for layer in base.problem.network.layers)
    return with_layers(base, layers)


def with_frozen(base: Setting, layer: int) -> Setting:
    """The same setting with one 0-based layer frozen at ones."""
    frozen = np.ones(base.graph.shapes[layer])
    return _with_layer(base, layer, replace(base.problem.network.layers[layer], frozen_weights=frozen))


def with_noise(base: Setting) -> Setting:
    """The same setting with noise on the first layer."""
    return _with_layer(base, 0, replace(base.problem.network.layers[0], noise_variance=0.5))


def with_skip(base: Setting, source: int, target: int, kind: SkipKind) -> Setting:
    """The same setting with one more skip."""
    skips = (*base.problem.network.skips, Skip(source, target, kind))
    return _with_network(base, replace(base.problem.network, skips=skips))


def with_bias(base: Setting, bias: Bias = Bias.ALL) -> Setting:
    """The same setting with biases."""
    return _with_network(base, replace(base.problem.network, bias=bias))


def with_loss(base: Setting, loss: Loss) -> Setting:
    """The same setting with another loss."""
    return replace(base, problem=replace(base.problem, loss=loss))


def with_dynamics(base: Setting, dynamics: Dynamics) -> Setting:
    """The same setting with another dynamics."""
    return with_training(base, replace(base.training, dynamics=dynamics))


def with_training(base: Setting, training: Training) -> Setting:
    """The same setting trained otherwise."""
    return replace(base, training=training)


def with_samples(base: Setting, x: FloatArray, y: FloatArray) -> Setting:
    """The same setting on other samples (n, d) with labels (n, k)."""
    problem = replace(base.problem, moments=moments_of(x, y), samples=Samples(x, y))
    return replace(base, problem=problem, inputs=x.shape[1])


def not_separable(base: Setting) -> Setting:
    """The same setting where opposite inputs carry the same label."""
    x = np.vstack([INPUTS, -INPUTS[:1]])
    return with_samples(base, x, np.vstack([SIGNS, SIGNS[:1]]))


def three_classes(layers: tuple[Layer, ...], training: Training | None = None) -> Setting:
    """Three separable classes under cross-entropy."""
    return setting(layers, x=THREE_INPUTS, y=THREE_CLASSES, loss=Loss.CROSS_ENTROPY, training=training)


def minimum(layers: tuple[Layer, ...], x: FloatArray, y: FloatArray) -> Setting:
    """The global minimum of squared loss on samples (n, d)."""
    return setting(layers, x=x, y=y, loss=Loss.SQUARED, training=Training(dynamics=Dynamics.GLOBAL_MINIMUM))


TEACHER: Final = Training(dynamics=Dynamics.MINIMUM_NORM, teacher=Teacher(depth=2, width=4, norm_bound=2.0))


def _with_network(base: Setting, network: Network) -> Setting:
    return replace(base, problem=replace(base.problem, network=network))


def _with_layer(base: Setting, index: int, layer: Layer) -> Setting:
    layers = list(base.problem.network.layers)
    layers[index] = layer
    return with_layers(base, tuple(layers))
