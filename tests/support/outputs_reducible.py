"""Random problems with frozen layers, skips and weighted errors, one generator for each kind of reduction."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Final

import numpy as np

from service.core.ground.data.moments import moments_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Network, Problem, Samples, Skip
from service.vocabulary import Bias, Loss, SkipKind

Generator = Callable[[np.random.Generator], Problem]


def _orthogonal(rng: np.random.Generator, size: int) -> FloatArray:
    frame: FloatArray = np.linalg.qr(rng.standard_normal((size, size)))[0]
    return frame


def _isometric(rng: np.random.Generator, rows: int, columns: int) -> FloatArray:
    scale = float(rng.uniform(0.5, 2.0))
    size = max(rows, columns)
    return scale * _orthogonal(rng, size)[:rows, :columns]


def _decay(rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(np.log(0.01), np.log(0.3))))


def _samples(rng: np.random.Generator, inputs: int, outputs: int, *, white: bool = False) -> Samples:
    count = 4 * (inputs + outputs)
    x = rng.standard_normal((count, inputs)) * np.geomspace(1.0, 0.4, inputs)
    if white:
        x = np.linalg.qr(x)[0] * np.sqrt(count) * float(rng.uniform(0.7, 1.5))
    y = x @ rng.standard_normal((inputs, outputs)) + 0.3 * rng.standard_normal((count, outputs))
    return Samples(x, y)


def _problem(
    rng: np.random.Generator,
    layers: list[Layer],
    inputs: int,
    skips: tuple[Skip, ...] = (),
    *,
    white: bool = False,
) -> Problem:
    """Some with a free output bias on data with means, some with noise on the inputs."""
    samples = _samples(rng, inputs, layers[-1].width, white=white)
    bias, noise = Bias.NONE, 0.0
    if not white:
        if rng.integers(3) == 0:
            bias = Bias(rng.choice(["output", "all"]))
            samples = Samples(
                samples.x + rng.standard_normal(inputs), samples.y + rng.standard_normal(layers[-1].width)
            )
        if rng.integers(3) == 0:
            noise = float(rng.uniform(0.05, 0.5))
    network = Network(tuple(layers), noise, bias, (0.0,) * len(layers), skips)
    return Problem(network, moments_of(samples.x, samples.y), samples)


def _sizes(rng: np.random.Generator, count: int, low: int = 2) -> list[int]:
    return [int(size) for size in rng.integers(low, 5, count)]


def frozen_first(rng: np.random.Generator) -> Problem:
    """One or two frozen layers in front of two decayed ones that are wide enough."""
    inputs, first, outputs = _sizes(rng, 3)
    layers = [Layer(first, frozen_weights=rng.standard_normal((first, inputs)), weight_decay=_decay(rng))]
    if rng.integers(2):
        layers.append(Layer(outputs, frozen_weights=rng.standard_normal((outputs, first))))
    layers += [Layer(5, weight_decay=_decay(rng)), Layer(outputs, weight_decay=_decay(rng))]
    return _problem(rng, layers, inputs)


def frozen_last(rng: np.random.Generator) -> Problem:
    """Two trained layers under a frozen isometry, or under any matrix where nothing is decayed."""
    inputs, width, outputs = _sizes(rng, 3)
    if rng.integers(2):
        frozen = _isometric(rng, outputs, width)
        layers = [Layer(5, weight_decay=_decay(rng)), Layer(width, weight_decay=_decay(rng))]
    else:
        frozen = rng.standard_normal((outputs, width))
        layers = [Layer(int(rng.integers(1, 4))), Layer(width)]
    return _problem(rng, [*layers, Layer(outputs, frozen_weights=frozen)], inputs)


def frozen_last_on_white_inputs(rng: np.random.Generator) -> Problem:
    """Two decayed layers under any frozen matrix, white inputs."""
    inputs, width, outputs = _sizes(rng, 3)
    layers = [Layer(5, weight_decay=_decay(rng)), Layer(width, weight_decay=_decay(rng))]
    frozen = Layer(outputs, frozen_weights=rng.standard_normal((outputs, width)))
    return _problem(rng, [*layers, frozen], inputs, white=True)


def frozen_middle(rng: np.random.Generator) -> Problem:
    """A frozen layer between trained ones: isometric, beside a layer without decay, or with one output."""
    inputs, one, other, outputs = _sizes(rng, 4)
    kind = int(rng.integers(3))
    if kind == 0:
        frozen, decays = _isometric(rng, other, one), (_decay(rng), _decay(rng))
    elif kind == 1:
        frozen, decays = rng.standard_normal((other, one)), (0.0, 0.0)
    else:
        frozen, decays, outputs = rng.standard_normal((other, one)), (_decay(rng), _decay(rng)), 1
    layers = [
        Layer(one, weight_decay=decays[0]),
        Layer(other, frozen_weights=frozen),
        Layer(outputs, weight_decay=decays[1]),
    ]
    return _problem(rng, layers, inputs, white=kind == 0)


def skip_over_all(rng: np.random.Generator) -> Problem:
    """A skip from the input to the output: identity, or trainable with and without decay."""
    inputs, outputs = _sizes(rng, 2)
    kind = int(rng.integers(3))
    if kind == 0:
        outputs, skip = inputs, Skip(0, 2, SkipKind.IDENTITY)
    else:
        skip = Skip(0, 2, SkipKind.TRAINABLE, _decay(rng) if kind == 1 else 0.0)
    layers = [Layer(5, weight_decay=_decay(rng)), Layer(outputs, weight_decay=_decay(rng))]
    return _problem(rng, layers, inputs, (skip,))


def skip_beside_a_layer(rng: np.random.Generator) -> Problem:
    """A skip around one layer: identity beside a layer without decay, or trainable."""
    inputs, outputs = _sizes(rng, 2)
    if rng.integers(2):
        layers = [Layer(3, weight_decay=0.0), Layer(3), Layer(outputs)]
        return _problem(rng, layers, inputs, (Skip(1, 2, SkipKind.IDENTITY),))
    layers = [Layer(5, weight_decay=_decay(rng)), Layer(outputs, weight_decay=_decay(rng))]
    at = int(rng.integers(2))
    return _problem(rng, layers, inputs, (Skip(at, at + 1, SkipKind.TRAINABLE, _decay(rng)),))


def skip_over_a_block(rng: np.random.Generator) -> Problem:
    """A free skip around two of several layers, or a residual block beside a layer without decay."""
    inputs, outputs = _sizes(rng, 2)
    if rng.integers(2):
        layers = [Layer(2, weight_decay=_decay(rng)), Layer(3, weight_decay=_decay(rng)), Layer(outputs)]
        return _problem(rng, layers, inputs, (Skip(0, 2, SkipKind.TRAINABLE),))
    layers = [Layer(3), Layer(1, weight_decay=_decay(rng)), Layer(3, weight_decay=_decay(rng)), Layer(outputs)]
    return _problem(rng, layers, inputs, (Skip(1, 3, SkipKind.IDENTITY),))


def weighted_errors(rng: np.random.Generator) -> Problem:
    """Weights of the outputs, or of samples and outputs, on layers without decay or white inputs."""
    inputs, outputs = _sizes(rng, 2)
    white = bool(rng.integers(2))
    decays = (_decay(rng), _decay(rng)) if white else (0.0, 0.0)
    layers = [Layer(5 if white else 1, weight_decay=decays[0]), Layer(outputs, weight_decay=decays[1])]
    problem = _problem(rng, layers, inputs, white=white)
    samples = problem.samples
    assert samples is not None
    weights = np.tile(rng.uniform(0.3, 3.0, outputs), (len(samples.x), 1))
    if not white:
        weights = weights * rng.uniform(0.3, 3.0, (len(weights), 1))
    return Problem(problem.network, problem.moments, replace(samples, weights=weights), Loss.WEIGHTED_SQUARED)


def several(rng: np.random.Generator) -> Problem:
    """A frozen first layer, an identity over the rest, a skip beside a layer and a frozen isometry, at once."""
    inputs, width = _sizes(rng, 2)
    frozen = Layer(width, frozen_weights=rng.standard_normal((width, inputs)))
    layers = [
        frozen,
        Layer(width, weight_decay=_decay(rng)),
        Layer(width, frozen_weights=_isometric(rng, width, width)),
        Layer(width, weight_decay=_decay(rng)),
    ]
    return _problem(rng, layers, inputs, (Skip(3, 4, SkipKind.TRAINABLE, _decay(rng)),))


def mixture(rng: np.random.Generator) -> Problem:
    """Any of it at random: frozen matrices, skips, decays, widths, biases, noise on the inputs, weights."""
    count = int(rng.integers(2, 6))
    widths = [int(width) for width in rng.integers(1, 4, count + 1)]
    if rng.integers(2):
        widths = [widths[0]] * (count + 1)
    layers = []
    for before, after in pairwise(widths):
        frozen = None
        if rng.random() < 0.35:
            frozen = _isometric(rng, after, before) if rng.integers(2) else rng.standard_normal((after, before))
        layers.append(Layer(after, weight_decay=0.0 if rng.random() < 0.4 else _decay(rng), frozen_weights=frozen))
    skips = []
    for _ in range(int(rng.integers(0, 3))):
        start, stop = sorted(int(node) for node in rng.choice(count + 1, 2, replace=False))
        if rng.integers(2):
            skips.append(Skip(start, stop, SkipKind.TRAINABLE, _decay(rng) if rng.integers(2) else 0.0))
        elif widths[start] == widths[stop]:
            skips.append(Skip(start, stop, SkipKind.IDENTITY))
    problem = _problem(rng, layers, widths[0], tuple(skips), white=bool(rng.integers(3) == 0))
    samples = problem.samples
    if samples is None or rng.integers(4):
        return problem
    weights = np.tile(rng.uniform(0.3, 3.0, widths[-1]), (len(samples.x), 1))
    return Problem(problem.network, problem.moments, replace(samples, weights=weights), Loss.WEIGHTED_SQUARED)


GENERATORS: Final[dict[str, Generator]] = {
    "frozen first layers": frozen_first,
    "frozen last layer": frozen_last,
    "frozen last layer, white inputs": frozen_last_on_white_inputs,
    "frozen layer between": frozen_middle,
    "skip from input to output": skip_over_all,
    "skip beside one layer": skip_beside_a_layer,
    "skip around several layers": skip_over_a_block,
    "weighted errors": weighted_errors,
    "several at once": several,
}
