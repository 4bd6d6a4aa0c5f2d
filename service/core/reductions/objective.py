"""What is taken off before layers are looked at: weights of the error, biases, and noise on the inputs.

Proofs: ``docs/theory/reductions.md``.
"""

from dataclasses import dataclass, replace

import numpy as np

from service.core.ground.as_sent import expected_source
from service.core.ground.data.changes import weighted_moments, with_input_noise
from service.core.ground.enclosures.rows import Rows
from service.core.ground.enclosures.sources import UNIT, Source
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Problem
from service.core.reductions.step import Step, dense_factor, with_network
from service.vocabulary import Bias, Loss

SEPARABLE = 1e-12
"""Relative error up to which weights count as a product of weights of samples and of outputs."""


@dataclass(frozen=True, slots=True)
class Weighting:
    """Weights of samples (n,), with mean one, and of outputs (k,)."""

    samples: FloatArray
    outputs: FloatArray


def weighting_of(weights: FloatArray) -> Weighting | None:
    """Weights (n, k) as a product over samples and outputs; ``None`` if they are not such a product."""
    samples, outputs = weights.mean(axis=1), weights.mean(axis=0)
    samples = samples / samples.mean()
    if float(np.max(np.abs(np.outer(samples, outputs) - weights))) > SEPARABLE * float(np.max(weights)):
        return None
    return Weighting(samples, outputs)


def weighted_errors(problem: Problem) -> Step | str | None:
    """Weights of samples change the moments; weights of outputs are a frozen diagonal layer at the end."""
    if problem.loss is not Loss.WEIGHTED_SQUARED:
        return None
    if problem.samples is None or problem.samples.weights is None:
        return "weights of outputs need samples: moments do not contain E[y_j^2] of each output"
    weighting = weighting_of(problem.samples.weights)
    if weighting is None:
        return "weights that differ by sample and output together: low-rank fits under such weights are NP-hard"
    if problem.network.skips and weighting.outputs.size > 1:
        target = problem.network.n_layers
        if any(skip.target == target for skip in problem.network.skips):
            return "weights of outputs and a skip that ends at the output"
    root = np.sqrt(weighting.outputs)
    x, y, given_weights = problem.samples.x, problem.samples.y, problem.samples.weights
    roots = np.sqrt(weighting.samples)
    moments = weighted_moments(x, y * root, weighting.samples)
    matrix = np.diag(root)
    layers = (*problem.network.layers, Layer(root.size, frozen_weights=matrix))
    given = dense_factor(matrix)
    # the error with these roots differs from that with the weights by this share of itself, whatever the misfits
    share = float(np.max(np.abs(np.outer(roots, root) ** 2 / given_weights - 1.0))) + 16.0 * UNIT

    def sources(centre: bool) -> Source:
        shift = None
        if centre and moments.x_mean is not None and moments.y_mean is not None:
            shift = np.concatenate((moments.x_mean, moments.y_mean))
        return Rows(x, y, float(len(x)), shift=shift, roots=roots, outputs=root)

    seen = with_network(problem, layers, moments=moments)
    network = seen.network
    if network.bias is not Bias.NONE:
        decays = problem.network.bias_weight_decays or (0.0,) * problem.network.n_layers
        # the bias of the output now stands behind the weights; only its decay would notice
        network = replace(network, bias_weight_decays=(*decays, decays[-1]))
    return Step(
        "weights of the error as a last, frozen layer",
        replace(seen, network=network, loss=Loss.SQUARED, sources=sources),
        lambda weights, _: replace(weights, layers=weights.layers[:-1]),
        lambda weights: replace(weights, layers=(*weights.layers, given)),
        lambda end_map: end_map / root[:, None],
        share=share,
        limit=lambda limit, _: limit / float(np.max(root)),
    )


def seen_problem(problem: Problem) -> tuple[Problem, tuple[Step, ...]]:
    """The problem with an unweighted error, biases and input noise as they are, and the step that led there."""

    def seen() -> tuple[Problem, tuple[Step, ...]]:
        step = weighted_errors(problem)
        return (step.problem, (step,)) if isinstance(step, Step) else (problem, ())

    return problem.once("reductions.seen", seen)


def without_biases(problem: Problem) -> Step | str | None:
    """Free biases take the means off, where nothing else sees them; noise on the inputs joins their moments."""
    network, data = problem.network, problem.data
    if not network.bias_layers and network.input_noise_variance == 0.0:
        return None
    centre = bool(network.bias_layers) and not data.centred
    if centre and (reason := _why_not_centred(problem)):
        return reason
    centre = centre and data.x_mean is not None and data.y_mean is not None
    seen = with_input_noise(data, network.input_noise_variance, centre=centre)
    plain = replace(network, bias=Bias.NONE, bias_weight_decays=(), input_noise_variance=0.0)
    # a free bias takes off at least as much as any bias can
    means = bool(network.bias_layers) and data.x_mean is not None and data.y_mean is not None
    return Step(
        "biases and noise on the inputs as changed moments",
        replace(
            problem,
            network=plain,
            moments=seen,
            samples=None,
            evaluation=None,
            sources=lambda _: expected_source(problem, means, 0.0, means),
        ),
        lambda weights, _: weights,
        lambda weights: weights,
    )


def _why_not_centred(problem: Problem) -> str:
    network = problem.network
    decays = network.bias_weight_decays or (0.0,) * network.n_layers
    has_output = network.bias in (Bias.ALL, Bias.OUTPUT)
    if not has_output or any(decays[index] > 0.0 for index in network.bias_layers):
        return "the data are not centred and the output has no bias free of decay"
    if np.any(network.noise_variances):
        return "the data are not centred: hidden noise depends on the mean that the bias subtracts"
    if problem.data.x_mean is None or problem.data.y_mean is None:
        return "the means of the data are not given"
    return ""
