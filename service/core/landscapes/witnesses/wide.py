"""A non-increasing path from a random start to the infimum of a wide network with one hidden layer."""

import numpy as np
from scipy.linalg import qr

from service.core.arrays import FloatArray, IntArray
from service.core.landscapes.data_facts import data_facts_of
from service.core.landscapes.witnesses.claims import Claim, Construction
from service.core.losses import DenseParameters
from service.core.nonlinear import apply
from service.core.problems import Problem, shapes_of

RANK_TOLERANCE = 1e-8


def path_down(problem: Problem) -> Construction | None:
    """Free the neurons that the others can replace, turn them to new features, then fit the output layer.

    Along the first two legs the outputs do not change; along the last the loss is convex.
    """
    samples, groups = problem.samples, data_facts_of(problem).groups
    if samples is None or groups is None or len(groups.x) > 400:
        return None
    rng = np.random.default_rng(0)
    network = problem.network
    shapes = shapes_of(network, samples.x.shape[1])
    start = DenseParameters(
        tuple(rng.normal(size=shape) / np.sqrt(shape[1]) for shape in shapes),
        tuple(rng.normal(size=shape[0]) if network.has_bias(index) else None for index, shape in enumerate(shapes)),
    )
    # two equal neurons: a start on a symmetric set, where features are missing
    start.weights[0][-1] = start.weights[0][0]
    if start.biases[0] is not None:
        start.biases[0][-1] = start.biases[0][0]
    features = _features(problem, start, groups.x)
    _, upper, order = qr(features, mode="economic", pivoting=True)
    sizes = np.abs(np.diag(upper))
    rank = int(np.count_nonzero(sizes > RANK_TOLERANCE * sizes[0]))
    chosen: IntArray = order.astype(np.int_)
    kept, freed = chosen[:rank], chosen[rank:]
    output = start.weights[1].copy()
    if freed.size:
        share = np.linalg.lstsq(features[:, kept], features[:, freed], rcond=None)[0]
        output[:, kept] += output[:, freed] @ share.T
        output[:, freed] = 0.0
    relieved = DenseParameters((start.weights[0], output), start.biases)
    turned = _turned(problem, relieved, freed, rng)
    found = _features(problem, turned, samples.x)
    constant = start.biases[1] is not None
    design = np.hstack([found, np.ones((len(found), 1))]) if constant else found
    fitted = np.linalg.lstsq(design, samples.y, rcond=None)[0].T
    last = fitted[:, -1] if constant else None
    end = DenseParameters((turned.weights[0], fitted[:, : features.shape[1]]), (turned.biases[0], last))
    path = (start, relieved, turned, end)
    title = "from a random start down to the infimum"
    return Construction("W7", title, "R24", Claim.NON_INCREASING_PATH, start, None, path)


def _turned(problem: Problem, point: DenseParameters, freed: IntArray, rng: np.random.Generator) -> DenseParameters:
    """Freed neurons given random input weights; their output weights are zero, so nothing else changes."""
    weight, bias = point.weights[0].copy(), None if point.biases[0] is None else point.biases[0].copy()
    groups = data_facts_of(problem).groups
    spread = 1.0 if groups is None else float(np.sqrt(np.mean(groups.x**2) * weight.shape[1])) or 1.0
    weight[freed] = 2.0 * rng.normal(size=(len(freed), weight.shape[1])) / spread
    if bias is not None:
        bias[freed] = rng.normal(size=len(freed))
    return DenseParameters((weight, point.weights[1]), (bias, point.biases[1]))


def _features(problem: Problem, point: DenseParameters, x: FloatArray) -> FloatArray:
    values = x @ point.weights[0].T
    bias = point.biases[0]
    return apply(problem.network.layers[0], values if bias is None else values + bias)
