"""Random networks of every kind on random data, or on none: what theorems on landscapes must agree on."""

from dataclasses import replace

import numpy as np

from service.core.ground.data.moments import moments_of
from service.core.ground.problems import Layer, Network, Problem, Samples, Skip
from service.vocabulary import Activation, Bias, Loss, SkipKind

KINDS = tuple(Activation)


def random_spec(seed: int) -> Problem:
    """Small sizes, so that every width condition is met and missed; degenerate data now and then."""
    rng = np.random.default_rng(seed)
    inputs, outputs = int(rng.integers(1, 4)), int(rng.choice([1, 1, 2, 3]))
    loss = Loss(rng.choice(["squared"] * 5 + ["weighted_squared", "logistic", "exponential", "cross_entropy"]))
    if loss in (Loss.LOGISTIC, Loss.EXPONENTIAL):
        outputs = 1
    if loss is Loss.CROSS_ENTROPY:
        outputs = max(outputs, 2)
    network = _network(rng, outputs)
    if rng.random() < 0.1:
        return Problem(network, None, None, loss)
    samples = _samples(rng, inputs, outputs, loss)
    if loss is Loss.WEIGHTED_SQUARED:
        samples = replace(samples, weights=np.exp(np.random.default_rng(seed).normal(size=samples.y.shape)))
    kept = samples if rng.random() < 0.9 else None
    return Problem(network, moments_of(samples.x, samples.y), kept, loss)


def _network(rng: np.random.Generator, outputs: int) -> Network:
    hidden = int(rng.choice([0, 1, 1, 1, 2, 2, 3]))
    linear = rng.random() < 0.4
    decayed = rng.random() < 0.4
    kind = Activation(rng.choice([item for item in KINDS if item is not Activation.LINEAR]))
    layers = []
    for _ in range(hidden):
        chosen = Activation.LINEAR if linear else kind
        slope = float(rng.choice([-0.5, 0.0, 0.1, 1.0])) if chosen is Activation.LEAKY_RELU else None
        noise = 0.3 if rng.random() < 0.05 else 0.0
        layers.append(Layer(int(rng.integers(1, 15)), chosen, slope, _decay(rng, decayed), noise))
    frozen = None
    if hidden == 1 and rng.random() < 0.2:
        frozen = np.where(np.arange(outputs * layers[0].width) % 2 == 0, 1.0, rng.choice([-1.0, 1.0]))
        frozen = frozen.reshape(outputs, layers[0].width)
    last = Activation.LINEAR if rng.random() < 0.95 else Activation.TANH
    layers.append(Layer(outputs, last, None, 0.0 if frozen is not None else _decay(rng, decayed), 0.0, frozen))
    skips = (Skip(0, hidden + 1, SkipKind.TRAINABLE),) if rng.random() < 0.05 else ()
    bias_decay = 0.1 if decayed and rng.random() < 0.7 else 0.0
    bias = Bias(rng.choice(["none", "none", "all", "hidden", "output"]))
    return Network(tuple(layers), 0.0, bias, (bias_decay,) * len(layers), skips)


def _decay(rng: np.random.Generator, decayed: bool) -> float:
    return float(10.0 ** rng.uniform(-3.0, 0.7)) if decayed and rng.random() < 0.95 else 0.0


def _samples(rng: np.random.Generator, inputs: int, outputs: int, loss: Loss) -> Samples:
    n = int(rng.integers(1, 9))
    x = rng.normal(size=(n, inputs))
    if rng.random() < 0.15:
        x = np.vstack([np.eye(inputs), -np.eye(inputs)])
    if rng.random() < 0.15:
        x[-1] = x[0]
    if rng.random() < 0.1:
        x[:, 0] = 0.0
    y = x @ rng.normal(size=(inputs, outputs)) + float(rng.choice([0.0, 0.5])) * rng.normal(size=(len(x), outputs))
    if rng.random() < 0.1:
        y[:] = y[0]
    if loss in (Loss.LOGISTIC, Loss.EXPONENTIAL):
        y = np.where(y > 0.0, 1.0, -1.0)
    if loss is Loss.CROSS_ENTROPY:
        y = np.eye(outputs)[np.argmax(y, axis=1)]
    return Samples(x, y)
