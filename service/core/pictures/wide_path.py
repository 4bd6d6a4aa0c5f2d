"""An explicit path between any two points of a wide network with one hidden layer, never above the higher end.

The neurons of each point that others can replace are freed; the needed ones of the second point are built up in the
freed places of the first, and the output weights go over in a straight line, along which a convex loss stays below its
larger end.  Statement and proof: ``docs/theory/connecting-paths.md``.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import qr

from service.core.ground.numbers.arrays import FloatArray, IntArray
from service.core.ground.problems import Problem, Samples
from service.core.losses.dense import DenseParameters, flatten, unflatten
from service.core.losses.nonlinear import apply
from service.core.pictures.objective import shape_of
from service.errors import NumericalError
from service.vocabulary import Activation

RANK_TOLERANCE = 1e-10
"""Share of the largest pivot below which a feature counts as a combination of others."""


@dataclass(frozen=True, slots=True)
class WidePath:
    """A polygon in the space of weights.

    Attributes
    ----------
    vertices : (m, P) array
        From the first to the second point.
    ranks : tuple of int
        Neurons that each of the two points needs.
    """

    vertices: FloatArray
    ranks: tuple[int, int]


def wide_path(problem: Problem, first: FloatArray, last: FloatArray) -> WidePath | str:
    """The path, or the hypothesis that fails.

    Parameters
    ----------
    problem : Problem
        With samples; its loss is convex in the outputs.
    first, last : (P,) arrays
    """
    reason = _failed(problem)
    if reason:
        return reason
    samples, like = problem.samples, shape_of(problem)
    assert samples is not None  # noqa: S101 - one of the hypotheses
    here, there = unflatten(first, like), unflatten(last, like)
    needed_here, lean_here = _lean(problem, here, samples)
    needed_there, lean_there = _lean(problem, there, samples)
    width = problem.network.layers[0].width
    if len(needed_here) + len(needed_there) > width:
        return (
            f"the points need {len(needed_here)} and {len(needed_there)} neurons, together more than the width {width}"
        )
    places = _places(needed_here, needed_there, width)
    prepared = _prepared(lean_here, there, needed_there, places)
    hosted = _hosted(prepared, lean_there, needed_there, places)
    # neurons that are not hosted have no output weights any more and may become those of the second point
    free = np.setdiff1d(np.arange(width), places)
    spread = _with_inputs(hosted, there, free)
    moved = _with_outputs(spread, lean_there, places, needed_there)
    arrived = _with_inputs(moved, there, np.arange(width))
    path = (here, lean_here, prepared, hosted, spread, moved, arrived, there)
    vertices: list[FloatArray] = [flatten(vertex) for vertex in path]
    return WidePath(np.array(vertices), (len(needed_here), len(needed_there)))


def _failed(problem: Problem) -> str:
    network = problem.network
    if network.n_hidden != 1:
        return "the construction is for one hidden layer"
    if np.any(network.weight_decays) or any(network.bias_weight_decays):
        return "the construction is for networks without decay"
    if problem.samples is None:
        return "the samples themselves are needed"
    if network.layers[-1].activation is not Activation.LINEAR:
        return "the output layer must be linear"
    return "the construction is for networks without noise" if np.any(network.noise_variances) else ""


def _lean(problem: Problem, point: DenseParameters, samples: Samples) -> tuple[IntArray, DenseParameters]:
    """The neurons that are needed, and the same function with no output weight on any other."""
    values = samples.x @ point.weights[0].T
    bias = point.biases[0]
    features = apply(problem.network.layers[0], values if bias is None else values + bias)
    if not np.all(np.isfinite(features)):
        raise NumericalError("the features leave the range of double precision")
    _, upper, order = qr(features, mode="economic", pivoting=True)
    sizes = np.abs(np.diag(upper))
    rank = int(np.count_nonzero(sizes > RANK_TOLERANCE * sizes[0])) if sizes[0] > 0.0 else 0
    chosen: IntArray = order.astype(np.int_)
    needed, others = np.sort(chosen[:rank]), chosen[rank:]
    output = point.weights[1].copy()
    if others.size:
        share = np.linalg.lstsq(features[:, needed], features[:, others], rcond=None)[0]
        output[:, needed] += output[:, others] @ share.T
        output[:, others] = 0.0
    return needed, DenseParameters((point.weights[0], output), point.biases)


def _places(needed_here: IntArray, needed_there: IntArray, width: int) -> IntArray:
    """A freed place of the first point for each needed neuron of the second, its own where that is free."""
    free = set(range(width)) - set(needed_here.tolist())
    own = [neuron if neuron in free else -1 for neuron in needed_there.tolist()]
    rest = iter(sorted(free - set(own)))
    return np.array([neuron if neuron >= 0 else next(rest) for neuron in own], dtype=np.int_)


def _prepared(lean: DenseParameters, there: DenseParameters, needed: IntArray, places: IntArray) -> DenseParameters:
    """The lean first point with the second one's needed neurons in the places, still without output weights."""
    weight, bias = lean.weights[0].copy(), None if lean.biases[0] is None else lean.biases[0].copy()
    weight[places] = there.weights[0][needed]
    if bias is not None and there.biases[0] is not None:
        bias[places] = there.biases[0][needed]
    return DenseParameters((weight, lean.weights[1]), (bias, lean.biases[1]))


def _hosted(
    prepared: DenseParameters, lean_there: DenseParameters, needed: IntArray, places: IntArray
) -> DenseParameters:
    """The second point's function, computed by its needed neurons in the places."""
    output = np.zeros_like(prepared.weights[1])
    output[:, places] = lean_there.weights[1][:, needed]
    return DenseParameters((prepared.weights[0], output), (prepared.biases[0], lean_there.biases[1]))


def _with_inputs(point: DenseParameters, there: DenseParameters, neurons: IntArray) -> DenseParameters:
    """The input weights of some neurons set to those of the second point."""
    weight, bias = point.weights[0].copy(), None if point.biases[0] is None else point.biases[0].copy()
    weight[neurons] = there.weights[0][neurons]
    if bias is not None and there.biases[0] is not None:
        bias[neurons] = there.biases[0][neurons]
    return DenseParameters((weight, point.weights[1]), (bias, point.biases[1]))


def _with_outputs(
    point: DenseParameters, lean_there: DenseParameters, places: IntArray, needed: IntArray
) -> DenseParameters:
    """The output weights of the hosted neurons moved to their twins at their own places."""
    output = point.weights[1].copy()
    output[:, places] = 0.0
    output[:, needed] = lean_there.weights[1][:, needed]
    return DenseParameters((point.weights[0], output), point.biases)
