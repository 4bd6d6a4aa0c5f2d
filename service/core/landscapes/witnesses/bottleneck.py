"""Bad local minima of a linear network with a bottleneck under weighted squared loss.

There the problem is weighted low-rank approximation, which has local minima that are not global for some weights
and targets.  They are searched for on the caller's data: descents from many starts in the two factors at the
bottleneck, whose product is passed through the other layers.  A local minimum among the maps of that rank is one
of the network.
"""

import numpy as np

from service.core.ground.hypotheses import LINEAR, NO_SKIPS
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Network, Problem, Samples, shapes_of
from service.core.ground.rules import conjunction, examine
from service.core.landscapes import hypotheses
from service.core.landscapes.witnesses.claims import Construction, WitnessClaim
from service.core.landscapes.witnesses.search import hessian, settled
from service.core.losses.dense import DenseParameters
from service.core.losses.nonlinear import evaluate, loss_of
from service.vocabulary import Loss

_STARTS = 16
_MOST_WEIGHTS = 80
_MOST_WORK = 40_000
_GAP = 1e-5
_NEEDED = (LINEAR, hypotheses.NO_DECAY, hypotheses.NO_NOISE, NO_SKIPS, hypotheses.ALL_TRAINED, hypotheses.NO_BIAS)


def weighted_bottleneck(problem: Problem) -> Construction | None:
    """The highest of the local minima that were found, beside the lowest."""
    samples, network = problem.samples, problem.network
    if samples is None or samples.weights is None or problem.loss is not Loss.WEIGHTED_SQUARED:
        return None
    if conjunction(examine(_NEEDED, problem)) is not True or hypotheses.NO_BOTTLENECK.check(problem).holds is not False:
        return None
    rank, inputs, outputs = min(network.hidden_widths), samples.x.shape[1], network.outputs
    if rank * (inputs + outputs) > _MOST_WEIGHTS or samples.x.size * outputs > _MOST_WORK:
        return None
    narrow = Network((Layer(rank), Layer(outputs)))
    found = []
    for start in _starts(samples, rank):
        point = settled(narrow, problem.loss, samples, start)
        if _is_minimum(narrow, problem, samples, point):
            found.append((loss_of(narrow, problem.loss, point, samples), point))
    if not found:
        return None
    best, worst = min(found, key=lambda item: item[0]), max(found, key=lambda item: item[0])
    if worst[0] - best[0] <= _GAP * max(1.0, worst[0]):
        return None
    title = "a low-rank map that weighted errors make a local minimum"
    return Construction(
        "W11", title, "R09", WitnessClaim.SPURIOUS_MINIMUM, _passed(problem, worst[1]), _passed(problem, best[1])
    )


def _starts(samples: Samples, rank: int) -> list[DenseParameters]:
    """The truncated least squares map, with every pattern of signs of its entries up to a limit, then random maps."""
    rng = np.random.default_rng(0)
    fitted: FloatArray = np.linalg.lstsq(samples.x, samples.y, rcond=1e-10)[0].T.astype(np.float64)
    size = float(np.abs(fitted).max()) or 1.0
    starts = []
    for index in range(_STARTS):
        signs = np.where(rng.random(fitted.shape) < 0.5, -1.0, 1.0) if index else np.ones(fitted.shape)
        mixed = fitted * signs if index % 2 == 0 else size * rng.normal(size=fitted.shape)
        left, values, right = np.linalg.svd(mixed, full_matrices=False)
        root = np.sqrt(np.maximum(values[:rank], 1e-3 * size))
        starts.append(DenseParameters.without_biases((root[:, None] * right[:rank], left[:, :rank] * root)))
    return starts


def _is_minimum(narrow: Network, problem: Problem, samples: Samples, point: DenseParameters) -> bool:
    found = evaluate(narrow, problem.loss, point, samples)
    steepest = max(float(np.abs(part).max()) for part in found.gradient.weights)
    if steepest > 1e-9 * max(1.0, found.loss):
        return False
    values = np.linalg.eigvalsh(hessian(narrow, problem.loss, samples, point))
    # r^2 directions exchange the factors and leave the map alone; every other one must be curved
    free = narrow.layers[0].width ** 2
    return bool(values[0] > -1e-6 * values[-1] and values[free] > 1e-5 * values[-1])


def _passed(problem: Problem, point: DenseParameters) -> DenseParameters:
    """The two factors as first and last layers, identities of their rank between."""
    weights = [np.zeros(shape) for shape in shapes_of(problem.network, problem.data.inputs)]
    rank = len(point.weights[0])
    weights[0][:rank] = point.weights[0]
    for weight in weights[1:-1]:
        weight[:rank, :rank] = np.eye(rank)
    weights[-1][:, :rank] = point.weights[1]
    return DenseParameters.without_biases(weights)
