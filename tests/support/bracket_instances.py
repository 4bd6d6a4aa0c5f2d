"""Random problems for every solver, with decays and noise over eighteen decades and two to ten layers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np

from service.core.ground.data.moments import moments_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Network, Problem
from service.core.models.linear_vae import LinearVae
from service.core.models.unconstrained_features import feature_problem
from service.core.several_outputs.singular_values.shrinkage import Shrinkage
from service.vocabulary import Bias
from tests.support.one_layer_instances import BIASES, LOSSES, drawn, layer
from tests.support.outputs_instances import Shape, network_of, random_moments, random_shape, white_moments

LEAST, GREATEST = 1e-12, 1e6
MOST_LAYERS: Final = 10


@dataclass(frozen=True, slots=True)
class Instance:
    """A problem, and the model where it is a variational autoencoder."""

    problem: Problem
    model: LinearVae | None = None


Draw: TypeAlias = Callable[[np.random.Generator], Instance]


def any_size(rng: np.random.Generator) -> float:
    """Uniform in the logarithm from 1e-12 to 1e6."""
    return float(np.exp(rng.uniform(np.log(LEAST), np.log(GREATEST))))


def decays(rng: np.random.Generator, n_layers: int) -> FloatArray:
    """All alike, within a factor four of one another, or each of any size."""
    kind = int(rng.integers(3))
    if kind == 0:
        return np.full(n_layers, any_size(rng))
    if kind == 1:
        return any_size(rng) * np.exp(rng.uniform(-1.4, 1.4, n_layers))
    return np.array([any_size(rng) for _ in range(n_layers)])


def depth(rng: np.random.Generator, least: int = 2) -> int:
    """Number of layers."""
    return int(rng.integers(least, MOST_LAYERS + 1))


def wide(rng: np.random.Generator, n_layers: int, largest: int = 4) -> Shape:
    """Sizes with no bottleneck."""
    shape = random_shape(rng, n_layers, largest)
    return replace(shape, hidden=(max(shape.inputs, shape.outputs),) * (n_layers - 1))


def narrow(rng: np.random.Generator, n_layers: int, largest: int = 4) -> Shape:
    """Sizes with one layer of width one."""
    shape = random_shape(rng, n_layers, largest)
    widths = list(shape.hidden)
    widths[int(rng.integers(len(widths)))] = 1
    return replace(shape, hidden=tuple(widths))


def white(rng: np.random.Generator) -> Instance:
    """Several outputs, white inputs, every layer decayed."""
    n_layers = depth(rng)
    shape = random_shape(rng, n_layers)
    return Instance(Problem(network_of(shape, decays(rng, n_layers)), white_moments(rng, shape, int(rng.integers(2)))))


def at_a_threshold(rng: np.random.Generator) -> Instance:
    """White inputs, one decay on all layers within rounding of where a direction's roots meet, or where it is learned.

    The decays are right to some units in the last place, and are moved by at most a billionth.
    """
    n_layers = depth(rng)
    shape = random_shape(rng, n_layers, 3)
    moments = white_moments(rng, shape)
    scale = float(np.trace(moments.xx)) / shape.inputs
    values = np.linalg.svd(moments.xy / np.sqrt(scale), compute_uv=False)
    one = Shrinkage(n_layers, 0.0)
    threshold = one.existence_threshold if rng.integers(2) else one.global_threshold
    # the first decay is divided by the second moment of the inputs
    factor = one.scale_reaching(float(rng.choice(values)), threshold) * scale ** (1.0 / n_layers)
    factor *= 1.0 + float(rng.choice([0.0, 1e-15, -1e-15, 1e-12, -1e-12, 1e-9, -1e-9]))
    return Instance(Problem(network_of(shape, np.full(n_layers, factor)), moments))


def one_output(rng: np.random.Generator) -> Instance:
    """One output, general inputs, biases, noise on the inputs and on hidden layers of any size."""
    n_layers = depth(rng)
    shape = replace(random_shape(rng, n_layers), outputs=1)
    moments = random_moments(rng, shape, float(10.0 ** rng.uniform(0.0, 4.0)))
    noises = [any_size(rng) if rng.integers(2) else 0.0 for _ in shape.hidden]
    bias = (Bias.NONE, Bias.NONE, Bias.OUTPUT, Bias.ALL)[int(rng.integers(4))]
    return Instance(
        Problem(network_of(shape, decays(rng, n_layers), noises, float(rng.choice([0.0, 0.2])), bias), moments)
    )


def two_layers(rng: np.random.Generator) -> Instance:
    """Two decayed layers wide enough, on general inputs."""
    shape = wide(rng, 2, 5)
    return Instance(
        Problem(network_of(shape, decays(rng, 2)), random_moments(rng, shape, float(10.0 ** rng.uniform(0, 3))))
    )


def bottleneck(rng: np.random.Generator) -> Instance:
    """A layer of width one, decay, general inputs."""
    n_layers = depth(rng)
    shape = narrow(rng, n_layers)
    moments = random_moments(rng, shape, float(10.0 ** rng.uniform(0, 3)))
    return Instance(Problem(network_of(shape, decays(rng, n_layers)), moments))


def deep(rng: np.random.Generator) -> Instance:
    """Three layers or more with decay on general inputs, full width."""
    n_layers = depth(rng, 3)
    shape = wide(rng, n_layers, 3)
    moments = random_moments(rng, shape, float(10.0 ** rng.uniform(0.2, 2.0)))
    return Instance(Problem(network_of(shape, decays(rng, n_layers)), moments))


def autoencoder(rng: np.random.Generator) -> Instance:
    """Two decayed layers whose targets are the inputs, through a bottleneck."""
    size = int(rng.integers(2, 6))
    shape = Shape(size, (int(rng.integers(1, size + 1)),), size)
    moments = random_moments(rng, shape, float(10.0 ** rng.uniform(0, 2)))
    same = replace(moments, xy=moments.xx.copy(), yy=float(np.trace(moments.xx)), x_mean=None, y_mean=None)
    return Instance(Problem(network_of(shape, decays(rng, 2)), same))


def noisy_white(rng: np.random.Generator) -> Instance:
    """Noise of any size on the hidden layer of two: decayed on white inputs, or undecayed on general ones."""
    shape = random_shape(rng, 2)
    noise = [any_size(rng)]
    if rng.integers(3):
        return Instance(Problem(network_of(shape, decays(rng, 2), noise), white_moments(rng, shape)))
    return Instance(Problem(network_of(shape, [0.0, 0.0], noise), random_moments(rng, shape)))


def noise_under_a_bias(rng: np.random.Generator) -> Instance:
    """Noise of any size on one hidden layer, no decay, an output bias and data with means."""
    n_layers = int(rng.integers(2, 5))
    shape = wide(rng, n_layers)
    noises = [0.0] * (n_layers - 1)
    noises[int(rng.integers(n_layers - 1))] = any_size(rng)
    n = 6 * (shape.inputs + shape.outputs)
    x = rng.standard_normal((n, shape.inputs)) * np.geomspace(1.0, 0.4, shape.inputs) + rng.standard_normal(
        shape.inputs
    )
    y = x @ rng.standard_normal((shape.inputs, shape.outputs)) + 0.3 * rng.standard_normal((n, shape.outputs))
    return Instance(Problem(network_of(shape, [0.0] * n_layers, noises, 0.0, Bias.OUTPUT), moments_of(x, y + 1.0)))


def noisy_general(rng: np.random.Generator) -> Instance:
    """Noise of any size on several layers, decay of any size or none, general inputs."""
    n_layers = int(rng.integers(2, 6))
    shape = random_shape(rng, n_layers, 3)
    chosen = decays(rng, n_layers) if n_layers == 2 or rng.integers(2) else np.zeros(n_layers)
    noises = [any_size(rng) for _ in shape.hidden]
    bias = Bias.ALL if rng.integers(4) == 0 else Bias.NONE
    return Instance(Problem(network_of(shape, chosen, noises, 0.0, bias), random_moments(rng, shape)))


def undecayed(rng: np.random.Generator) -> Instance:
    """No decay, noise of any size on the inputs."""
    n_layers = depth(rng)
    shape = random_shape(rng, n_layers)
    noise = any_size(rng) if rng.integers(2) else 0.0
    moments = random_moments(rng, shape, float(10.0 ** rng.uniform(0, 3)))
    return Instance(Problem(network_of(shape, [0.0] * n_layers, input_noise=noise), moments))


def free_features(rng: np.random.Generator) -> Instance:
    """Features that are free, under a head of one to nine layers."""
    counts = [int(count) for count in rng.integers(1, 1000, int(rng.integers(2, 6)))]
    n_layers = depth(rng) - 1
    chosen = decays(rng, n_layers + 1)
    width = int(rng.integers(1, 7))
    widths = [*(int(one) for one in rng.integers(1, 7, n_layers - 1)), len(counts)]
    bias = Bias.OUTPUT if rng.integers(2) else Bias.NONE
    layers = tuple(Layer(one, weight_decay=float(decay)) for one, decay in zip(widths, chosen[1:], strict=True))
    head = Network(layers, 0.0, bias, (0.0,) * n_layers if bias is Bias.OUTPUT else ())
    return Instance(feature_problem(counts, width, float(chosen[0]), 0.0, head))


def variational(rng: np.random.Generator) -> Instance:
    """A linear variational autoencoder with a weight of the divergence and a decoder variance of any size."""
    shape = random_shape(rng, 2)
    moments = random_moments(rng, shape, float(10.0 ** rng.uniform(0, 3)))
    beta = any_size(rng) if rng.integers(2) else 1.0
    variance = any_size(rng) if rng.integers(3) else None
    latent = shape.hidden[0]
    if variance is None:
        # a learned variance has a minimum only while the latents leave something to explain
        beta, latent = min(beta, 0.9 * shape.outputs / latent), min(latent, shape.outputs)
    problem = Problem(Network((Layer(latent), Layer(shape.outputs))), moments)
    return Instance(problem, LinearVae(latent, beta, variance))


def one_layer(rng: np.random.Generator) -> Instance:
    """One layer under any convex loss, with decay of any size, and a bias that is free, decayed or absent."""
    loss = LOSSES[int(rng.integers(len(LOSSES)))]
    samples = drawn(loss, int(rng.integers(20, 60)), int(rng.integers(1, 5)), int(rng.integers(2**31)))
    return Instance(layer(samples, loss, any_size(rng), list(BIASES)[int(rng.integers(len(BIASES)))]))


KINDS: Final[Mapping[str, Draw]] = {
    "scalar_output": one_output,
    "convex_layer": one_layer,
    "reduced_rank": undecayed,
    "factorisation": white,
    "factorisation at its thresholds": at_a_threshold,
    "autoencoder": autoencoder,
    "dropout": noisy_white,
    "uncentred_noise": noise_under_a_bias,
    "nuclear_norm": two_layers,
    "rank_one_bottleneck": bottleneck,
    "deep_bounded": deep,
    "noisy_bounded": noisy_general,
    "unconstrained features": free_features,
    "linear_vae": variational,
}
"""One row for each solver, and more where a solver has special places or serves a model; the first word is its name."""
