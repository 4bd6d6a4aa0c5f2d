"""A non-increasing path from a random start to the infimum of a wide network with one hidden layer."""

import numpy as np
from scipy.linalg import qr

from service.core.data_facts.facts import data_facts_of
from service.core.ground.numbers.arrays import FloatArray, IntArray
from service.core.ground.problems import Problem, shapes_of
from service.core.landscapes.witnesses.claims import Construction, WitnessClaim
from service.core.losses.dense import DenseParameters
from service.core.losses.nonlinear import apply

RANK_TOLERANCE = 1e-8
_DRAWS = 24


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
    return Construction("W7", title, "R24", WitnessClaim.NON_INCREASING_PATH, start, None, path)


def _turned(problem: Problem, point: DenseParameters, freed: IntArray, rng: np.random.Generator) -> DenseParameters:
    """Freed neurons turned one by one to new features; their output weights are zero, so nothing else changes."""
    weight, bias = point.weights[0].copy(), None if point.biases[0] is None else point.biases[0].copy()
    groups = data_facts_of(problem).groups
    if groups is None:
        return point
    turned = DenseParameters((weight, point.weights[1]), (bias, point.biases[1]))
    others = np.setdiff1d(np.arange(len(weight)), freed)
    spanned = _orthonormal(_with_constant(problem, _features(problem, point, groups.x)[:, others]))
    spread = float(np.sqrt(np.mean(groups.x**2) * weight.shape[1])) or 1.0
    for neuron in freed:
        candidates = 2.0 * rng.normal(size=(_DRAWS, weight.shape[1])) / spread
        shifts = rng.normal(size=_DRAWS)
        # kinks between samples: candidates that vanish or are linear on all of them add nothing
        if bias is not None:
            shifts[::2] = -np.sum(
                candidates[::2] * groups.x[rng.integers(len(groups.x), size=len(shifts[::2]))], axis=1
            )
            shifts[::2] += 0.1 * rng.normal(size=len(shifts[::2]))
        values = groups.x @ candidates.T + (shifts if bias is not None else 0.0)
        features = apply(problem.network.layers[0], values)
        left = features - spanned @ (spanned.T @ features)
        sizes = np.linalg.norm(left, axis=0) / np.maximum(np.linalg.norm(features, axis=0), 1e-300)
        best = int(np.argmax(sizes))
        weight[neuron] = candidates[best]
        if bias is not None:
            bias[neuron] = shifts[best]
        if sizes[best] > RANK_TOLERANCE:
            spanned = np.hstack([spanned, left[:, [best]] / np.linalg.norm(left[:, best])])
    return turned


def _with_constant(problem: Problem, features: FloatArray) -> FloatArray:
    ones = np.ones((len(features), 1))
    return np.hstack([features, ones]) if problem.network.has_bias(1) else features


def _orthonormal(columns: FloatArray) -> FloatArray:
    left, values, _ = np.linalg.svd(columns, full_matrices=False)
    kept: FloatArray = left[:, values > RANK_TOLERANCE * max(float(values[0]), 1e-300)] if values.size else left[:, :0]
    return kept


def _features(problem: Problem, point: DenseParameters, x: FloatArray) -> FloatArray:
    values = x @ point.weights[0].T
    bias = point.biases[0]
    return apply(problem.network.layers[0], values if bias is None else values + bias)
