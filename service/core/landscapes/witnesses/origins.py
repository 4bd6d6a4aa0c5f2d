"""The origin: a bad minimum under decay, a flat saddle of deep linear networks, a strict one of two layers."""

import numpy as np

from service.core.data_facts.facts import data_facts_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem, Samples, shapes_of
from service.core.ground.rules import conjunction, examine
from service.core.landscapes import hypotheses
from service.core.landscapes.networks.below_origin import VANISHING
from service.core.landscapes.witnesses.claims import Construction, WitnessClaim
from service.core.landscapes.witnesses.objective import is_noisy, loss_at
from service.core.losses.dense import DenseParameters
from service.core.losses.nonlinear import apply
from service.vocabulary import Bias

_NEEDED = (hypotheses.LINEAR_OUTPUT, hypotheses.ALL_TRAINED)
_SCALES = np.logspace(-1.5, 1.0, 16)
_RIDGES = (1e-3, 0.3, 1e3)
_BOOSTS = (1.0, 1e2, 1e4)
"""How much larger than the others a layer without decay may be."""

_STEPS = np.linspace(0.05, 0.5, 10)


def decayed_origin(problem: Problem) -> Construction | None:
    """The origin where two layers or more are decayed, and the best chain of one active neuron a layer below it.

    Near it the data term changes by no more than a multiple of the product of all layers, of which there are three
    or more: less than the decay of two of them.
    """
    samples, network = problem.samples, problem.network
    vanishing = all(layer.activation in VANISHING for layer in network.layers[:-1])
    decayed = network.weight_decays[network.weight_decays > 0.0]
    if samples is None or network.n_hidden < 2 or not vanishing or len(decayed) < 2:
        return None
    if network.bias not in (Bias.NONE, Bias.OUTPUT) or conjunction(examine(_NEEDED, problem)) is not True:
        return None
    origin = _with_offset(problem, _origin(problem), samples.y.mean(axis=0))
    best, least = None, loss_at(problem, samples, origin)
    chain_of = _spread_chain if is_noisy(network) else _chain
    # balanced: layers of large decay are small
    shares = np.sqrt(
        np.exp(np.mean(np.log(decayed))) / np.where(network.weight_decays > 0.0, network.weight_decays, 1.0)
    )
    free = network.weight_decays == 0.0
    for direction in _directions(samples):
        for boost in _BOOSTS if free.any() else (1.0,):
            for scale in _SCALES.tolist():
                chain = chain_of(problem, samples, direction, scale * np.where(free, boost, shares))
                value = loss_at(problem, samples, chain)
                if value < least:
                    best, least = chain, value
    if best is None:
        return None
    return Construction("W4", "the origin under decay", "R14", WitnessClaim.SPURIOUS_MINIMUM, origin, best)


def _with_offset(problem: Problem, point: DenseParameters, offset: FloatArray) -> DenseParameters:
    """The point with the output bias that fits the mean error best, where there is one."""
    network = problem.network
    if network.bias is Bias.NONE:
        return point
    decay = network.bias_weight_decays[-1] if network.bias_weight_decays else 0.0
    return DenseParameters(point.weights, (*point.biases[:-1], offset / (1.0 + decay)))


def _directions(samples: Samples) -> list[FloatArray]:
    """Both signs of the directions along which the targets are explained best, at a few ridges."""
    x, y = samples.x - samples.x.mean(axis=0), samples.y - samples.y.mean(axis=0)
    found = []
    for inputs, targets in ((samples.x, samples.y), (x, y)):
        square, product = inputs.T @ inputs, inputs.T @ targets
        target = np.linalg.svd(product, full_matrices=False)[2][0]
        for ridge in _RIDGES:
            level = ridge * max(float(np.trace(square)) / len(square), 1e-300)
            raw = np.linalg.solve(square + level * np.eye(len(square)), product @ target)
            length = float(np.linalg.norm(raw))
            found += [raw / length, -raw / length] if length > 0.0 else []
    return found


def _chain(problem: Problem, samples: Samples, direction: FloatArray, sizes: FloatArray) -> DenseParameters:
    """One neuron a layer, the output weights fitted."""
    network, chain = problem.network, _origin(problem)
    chain.weights[0][0] = sizes[0] * direction
    feature = apply(network.layers[0], samples.x @ chain.weights[0][0])
    for layer, weight, size in zip(network.layers[1:-1], chain.weights[1:-1], sizes[1:-1].tolist(), strict=True):
        weight[0, 0] = size
        feature = apply(layer, size * feature)
    level = float(feature.mean()) if network.bias is Bias.OUTPUT else 0.0
    square = float(np.mean((feature - level) ** 2)) + network.layers[-1].weight_decay
    if square > 0.0:
        chain.weights[-1][:, 0] = samples.y.T @ (feature - level) / len(feature) / square
    return _with_offset(problem, chain, samples.y.mean(axis=0) - level * chain.weights[-1][:, 0])


def _spread_chain(problem: Problem, samples: Samples, direction: FloatArray, sizes: FloatArray) -> DenseParameters:
    """Rank-one linear layers with equal entries, over which noise averages out best, the output weights fitted."""
    network, moments, chain = problem.network, problem.data, _origin(problem)
    columns = [np.full(width, width**-0.5) for width in network.hidden_widths]
    chain.weights[0][:] = sizes[0] * np.outer(columns[0], direction)
    for weight, before, after, size in zip(
        chain.weights[1:-1], columns[:-1], columns[1:], sizes[1:-1].tolist(), strict=True
    ):
        weight[:] = size * np.outer(after, before)
    end_to_end = float(np.prod(sizes[:-1])) * direction
    noisy = moments.xx + network.input_noise_variance * np.diag(moments.xx.diagonal())
    widths = np.array(network.hidden_widths, dtype=np.float64)
    square = float(np.prod(1.0 + network.noise_variances / widths)) * float(end_to_end @ noisy @ end_to_end)
    targets = moments.xy.T @ end_to_end
    x_mean, y_mean = samples.x.mean(axis=0), samples.y.mean(axis=0)
    level = float(end_to_end @ x_mean) if network.bias is Bias.OUTPUT else 0.0
    square += network.layers[-1].weight_decay - level * level
    if square > 0.0:
        chain.weights[-1][:] = np.outer((targets - level * y_mean) / square, columns[-1])
    return _with_offset(problem, chain, y_mean - chain.weights[-1] @ columns[-1] * level)


def flat_origin(problem: Problem) -> Construction | None:
    """The origin of a deep linear network, with a path that leaves it at the order of its depth."""
    path = _aligned_path(problem)
    if path is None:
        return None
    title = "the origin: no gradient, no curvature, and a way down"
    return Construction("W5", title, "R08c", WitnessClaim.NON_STRICT_SADDLE, _origin(problem), None, path)


def escape(problem: Problem) -> Construction | None:
    """The origin of two linear layers, with the direction of negative curvature."""
    path = _aligned_path(problem)
    if path is None:
        return None
    return Construction(
        "W6", "the origin and its escape", "R08b", WitnessClaim.STRICT_SADDLE, _origin(problem), None, path
    )


def _aligned_path(problem: Problem) -> tuple[DenseParameters, ...] | None:
    slope = data_facts_of(problem).slope_at_zero
    if slope is None or problem.samples is None:
        return None
    left, values, right = np.linalg.svd(slope)
    layers, curvature = problem.network.n_layers, float(problem.data.spectrum.values[-1])
    if values[0] <= 0.0 or curvature <= 0.0:
        return None
    size = (float(values[0]) / curvature) ** (1.0 / layers)
    return tuple(_aligned(problem, left[:, 0], right[0], size * step) for step in _STEPS.tolist())


def _aligned(problem: Problem, source: FloatArray, target: FloatArray, size: float) -> DenseParameters:
    point = _origin(problem)
    point.weights[0][0] = size * source
    for weight in point.weights[1:-1]:
        weight[0, 0] = size
    point.weights[-1][:, 0] = size * target
    return point


def _origin(problem: Problem) -> DenseParameters:
    shapes = shapes_of(problem.network, problem.data.inputs)
    return DenseParameters.without_biases([np.zeros(shape) for shape in shapes])
