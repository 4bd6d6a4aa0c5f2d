"""Random problems with several outputs, one generator for each family, shared by reports and tests."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from service.core.ground.data.moments import moments_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Moments, Network, Problem
from service.vocabulary import Bias


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of a random problem."""

    inputs: int
    hidden: tuple[int, ...]
    outputs: int


def network_of(
    shape: Shape,
    decays: Sequence[float] | FloatArray,
    noises: Sequence[float] = (),
    input_noise: float = 0.0,
    bias: Bias = Bias.NONE,
) -> Network:
    """A linear network; ``noises`` belong to the hidden layers."""
    widths = (*shape.hidden, shape.outputs)
    variances = [*(noises or [0.0] * len(shape.hidden)), 0.0]
    layers = tuple(
        Layer(width, weight_decay=float(decay), noise_variance=float(noise))
        for width, decay, noise in zip(widths, decays, variances, strict=True)
    )
    return Network(layers, input_noise, bias, (0.0,) * len(widths) if bias is not Bias.NONE else ())


def random_shape(rng: np.random.Generator, n_layers: int, largest: int = 5) -> Shape:
    """Sizes between 2 and ``largest`` outside, 1 and ``largest`` inside."""
    hidden = tuple(int(width) for width in rng.integers(1, largest + 1, n_layers - 1))
    return Shape(int(rng.integers(2, largest + 1)), hidden, int(rng.integers(2, largest + 1)))


def random_moments(rng: np.random.Generator, shape: Shape, condition: float = 10.0, rank: int | None = None) -> Moments:
    """Moments of samples whose inputs have the given condition number and, where asked, a lower rank."""
    n = 4 * (shape.inputs + shape.outputs)
    frame = np.linalg.qr(rng.standard_normal((shape.inputs, shape.inputs)))[0]
    scales = np.geomspace(1.0, 1.0 / np.sqrt(condition), shape.inputs)
    x = rng.standard_normal((n, shape.inputs)) * scales @ frame.T
    if rank is not None:
        # copied columns make directions that are absent exactly, not to rounding
        x[:, rank:] = x[:, :1]
    teacher = rng.standard_normal((shape.outputs, shape.inputs))
    y = x @ teacher.T + 0.3 * rng.standard_normal((n, shape.outputs))
    return moments_of(x, y)


def white_moments(rng: np.random.Generator, shape: Shape, missing: int = 0) -> Moments:
    """Moments of inputs with one second moment in all directions, ``missing`` of them absent."""
    frame = np.linalg.qr(rng.standard_normal((shape.inputs, shape.inputs)))[0][:, missing:]
    xx = float(rng.uniform(0.3, 3.0)) * frame @ frame.T
    xx = 0.5 * (xx + xx.T)
    xy = xx @ rng.standard_normal((shape.inputs, shape.outputs))
    yy = float(np.sum(xy * (np.linalg.pinv(xx, hermitian=True) @ xy))) + float(rng.uniform(0.0, 1.0))
    return Moments(xx, xy, yy)


def random_decays(rng: np.random.Generator, n_layers: int, low: float = 0.02, high: float = 0.6) -> FloatArray:
    """Unequal decays, uniform in the logarithm."""
    return np.exp(rng.uniform(np.log(low), np.log(high), n_layers))


def undecayed(rng: np.random.Generator) -> Problem:
    """No weight decay; every third with singular inputs, some with bias or noise on the inputs."""
    n_layers = int(rng.integers(2, 5))
    shape = random_shape(rng, n_layers)
    rank = max(shape.inputs - 1, 1) if rng.integers(3) == 0 else None
    bias = Bias.OUTPUT if rng.integers(3) == 0 else Bias.NONE
    noise = float(rng.uniform(0.0, 0.5)) if rng.integers(3) == 0 else 0.0
    moments = random_moments(rng, shape, rank=rank)
    return Problem(network_of(shape, [0.0] * n_layers, input_noise=noise, bias=bias), moments)


def decayed_white(rng: np.random.Generator) -> Problem:
    """Weight decay on every layer, white inputs, sometimes without some directions."""
    n_layers = int(rng.integers(2, 5))
    shape = random_shape(rng, n_layers)
    missing = int(rng.integers(0, 2)) if shape.inputs > 2 else 0
    decays = random_decays(rng, n_layers)
    return Problem(network_of(shape, decays), white_moments(rng, shape, missing))


def two_layers_decayed(rng: np.random.Generator) -> Problem:
    """Two layers with decay on general inputs, wide enough."""
    shape = random_shape(rng, 2)
    shape = replace(shape, hidden=(max(shape.inputs, shape.outputs),))
    return Problem(
        network_of(shape, random_decays(rng, 2)), random_moments(rng, shape, float(10.0 ** rng.uniform(0, 3)))
    )


def rank_one(rng: np.random.Generator) -> Problem:
    """Decay, general inputs and a bottleneck of one, two to four layers."""
    n_layers = int(rng.integers(2, 5))
    shape = random_shape(rng, n_layers)
    widths = list(shape.hidden)
    widths[int(rng.integers(len(widths)))] = 1
    shape = replace(shape, hidden=tuple(widths))
    moments = random_moments(rng, shape, float(10.0 ** rng.uniform(0, 3)))
    return Problem(network_of(shape, random_decays(rng, n_layers)), moments)


def deep_decayed(rng: np.random.Generator) -> Problem:
    """Three or four layers with decay on general inputs, full width."""
    n_layers = int(rng.integers(3, 5))
    shape = random_shape(rng, n_layers, 4)
    width = max(shape.inputs, shape.outputs)
    shape = replace(shape, hidden=(width,) * (n_layers - 1))
    moments = random_moments(rng, shape, float(rng.choice([1.5, 4.0, 20.0, 100.0])))
    return Problem(network_of(shape, random_decays(rng, n_layers)), moments)


def deep_narrow(rng: np.random.Generator) -> Problem:
    """Two to five layers with decay, up to eight inputs and outputs of condition up to 1000, many with a bottleneck."""
    n_layers = int(rng.integers(2, 6))
    shape = random_shape(rng, n_layers, 8)
    widths = tuple(int(width) for width in rng.integers(2, 9, n_layers - 1))
    moments = random_moments(rng, shape, float(10.0 ** rng.uniform(0.0, 3.0)))
    return Problem(network_of(replace(shape, hidden=widths), random_decays(rng, n_layers)), moments)


def two_layer_dropout(rng: np.random.Generator) -> Problem:
    """Noise on the hidden layer: no decay on general inputs, or decay on white inputs."""
    shape = random_shape(rng, 2)
    noise = float(rng.uniform(0.05, 1.5))
    if rng.integers(2):
        return Problem(network_of(shape, random_decays(rng, 2), [noise]), white_moments(rng, shape))
    return Problem(network_of(shape, [0.0, 0.0], [noise]), random_moments(rng, shape))


def deep_dropout(rng: np.random.Generator) -> Problem:
    """Noise on two or three hidden layers, no decay."""
    n_layers = int(rng.integers(3, 5))
    shape = random_shape(rng, n_layers, 4)
    noises = rng.uniform(0.05, 1.0, n_layers - 1)
    if rng.integers(2):
        noises[1:] = 0.0
    else:
        widths = list(shape.hidden)
        widths[int(rng.integers(len(widths)))] = 1
        shape = replace(shape, hidden=tuple(widths))
    return Problem(network_of(shape, [0.0] * n_layers, list(noises)), random_moments(rng, shape))


def autoencoder(rng: np.random.Generator) -> Problem:
    """Two layers with decay that reconstruct their inputs through a bottleneck."""
    size = int(rng.integers(2, 6))
    shape = Shape(size, (int(rng.integers(1, size + 1)),), size)
    moments = random_moments(rng, shape, float(10.0 ** rng.uniform(0, 2)))
    same = Moments(moments.xx, moments.xx.copy(), float(np.trace(moments.xx)), moments.n)
    return Problem(network_of(shape, random_decays(rng, 2)), same)


def noisy_general(rng: np.random.Generator) -> Problem:
    """Noise where only bounds are known: several noisy layers, or noise with decay on general inputs."""
    n_layers = int(rng.integers(2, 5))
    shape = random_shape(rng, n_layers, 4)
    noises = list(rng.uniform(0.05, 1.0, n_layers - 1))
    decays = random_decays(rng, n_layers) if n_layers == 2 or rng.integers(2) else np.zeros(n_layers)
    bias = Bias.ALL if rng.integers(4) == 0 else Bias.NONE
    return Problem(network_of(shape, decays, noises, bias=bias), random_moments(rng, shape))


def one_noisy_layer(rng: np.random.Generator) -> Problem:
    """Three layers, one of them noisy, with decays over three decades."""
    shape = random_shape(rng, 3, 4)
    noises = [0.0, 0.0]
    noises[int(rng.integers(2))] = float(rng.uniform(0.05, 1.5))
    decays = random_decays(rng, 3, 1e-3, 0.6)
    return Problem(network_of(shape, decays, noises), random_moments(rng, shape, float(10.0 ** rng.uniform(0, 3))))


def very_unequal_decays(rng: np.random.Generator) -> Problem:
    """Four layers of up to seven units, one of them noisy, with decays over five decades."""
    shape = random_shape(rng, 4, 7)
    noises = [0.0, 0.0, 0.0]
    noises[int(rng.integers(3))] = float(10.0 ** rng.uniform(-2.0, 1.0))
    decays = random_decays(rng, 4, 1e-5, 1.0)
    return Problem(network_of(shape, decays, noises), random_moments(rng, shape, float(10.0 ** rng.uniform(0, 4))))


def many_noisy_layers(rng: np.random.Generator) -> Problem:
    """Twenty noisy hidden layers of three units, half of them with a little decay."""
    shape = Shape(3, (3,) * 20, 3)
    noise = float(10.0 ** rng.uniform(-2.5, -0.5))
    decays = np.zeros(21) if rng.integers(2) else random_decays(rng, 21, 1e-4, 1e-2)
    return Problem(network_of(shape, decays, [noise] * 20), random_moments(rng, shape))


def deep_unequal(rng: np.random.Generator) -> Problem:
    """Two to five layers of up to seven units with decays over five decades, no noise."""
    n_layers = int(rng.integers(2, 6))
    shape = random_shape(rng, n_layers, 7)
    decays = random_decays(rng, n_layers, 1e-5, 1.0)
    return Problem(network_of(shape, decays), random_moments(rng, shape, float(10.0 ** rng.uniform(0, 4))))


def noise_under_a_bias(rng: np.random.Generator) -> Problem:
    """Noise on one hidden layer, no decay, an output bias and data with means; some with noise on the inputs."""
    n_layers = int(rng.integers(2, 4))
    shape = random_shape(rng, n_layers, 4)
    widths = tuple(int(width) for width in rng.integers(max(shape.inputs, shape.outputs), 6, n_layers - 1))
    shape = replace(shape, hidden=widths)
    noises = [0.0] * (n_layers - 1)
    noises[int(rng.integers(n_layers - 1))] = float(rng.uniform(0.1, 1.5))
    n = 6 * (shape.inputs + shape.outputs)
    x = rng.standard_normal((n, shape.inputs)) * np.geomspace(1.0, 0.4, shape.inputs) + rng.standard_normal(
        shape.inputs
    )
    y = x @ rng.standard_normal((shape.inputs, shape.outputs)) + 0.3 * rng.standard_normal((n, shape.outputs))
    input_noise = float(rng.uniform(0.05, 0.5)) if rng.integers(3) == 0 else 0.0
    network = network_of(shape, [0.0] * n_layers, noises, input_noise, Bias.OUTPUT)
    return Problem(network, moments_of(x, y + 1.0))
