"""Stationary points built by hand, whose class theory predicts, to be compared with numeric Hessians."""

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem
from service.core.losses.dense import DenseParameters
from service.core.several_outputs.singular_values.lanes import Choice, Lanes
from service.core.several_outputs.squared_error.quadratic import Quadratic, quadratic_of
from service.core.solvers.factorisation import lanes_of
from service.vocabulary import PointClass
from tests.support.outputs_instances import Shape, network_of, random_decays, random_moments, white_moments


def _mixed(rng: np.random.Generator, size: int) -> FloatArray:
    """A well-conditioned invertible matrix."""
    left = np.linalg.qr(rng.standard_normal((size, size)))[0]
    right = np.linalg.qr(rng.standard_normal((size, size)))[0]
    mixed: FloatArray = (left * rng.uniform(0.6, 1.6, size)) @ right
    return mixed


def undecayed_point(rng: np.random.Generator) -> tuple[Problem, DenseParameters]:
    """A stationary point without decay: kept directions, and idle lanes that are broken in one or more places."""
    n_layers = int(rng.integers(2, 6))
    inputs, outputs = (int(size) for size in rng.integers(2, 5, 2))
    hidden = tuple(int(width) for width in rng.integers(1, 5, n_layers - 1))
    shape = Shape(inputs, hidden, outputs)
    rank = inputs - 1 if inputs > 2 and rng.integers(4) == 0 else None
    problem = Problem(network_of(shape, [0.0] * n_layers), random_moments(rng, shape, 4.0, rank))
    quadratic = quadratic_of(problem)
    left, values, right = quadratic.svd
    lanes = min(hidden)
    count = int(rng.integers(0, min(lanes, values.size) + 1))
    leading = rng.integers(2) == 0
    kept = list(range(count)) if leading else sorted(int(i) for i in rng.choice(values.size, count, replace=False))
    missing = [index for index in range(values.size) if index not in kept]
    weights = [
        np.zeros((rows, columns)) for rows, columns in zip((*hidden, outputs), (quadratic.rank, *hidden), strict=True)
    ]
    for lane, index in enumerate(kept):
        weights[0][lane] = values[index] * right[:, index]
        for weight in weights[1:-1]:
            weight[lane, lane] = 1.0
        weights[-1][:, lane] = left[:, index]
    entering = [index for index in missing if rng.integers(2)]
    leaving = [index for index in missing if index not in entering]
    for lane in range(count, lanes):
        _add_idle_lane(rng, quadratic, weights, lane, entering, leaving)
    weights[0] = _unwhitened(rng, quadratic, weights[0], inputs)
    for index in range(n_layers - 1):
        change = _mixed(rng, hidden[index])
        weights[index] = change @ weights[index]
        weights[index + 1] = weights[index + 1] @ np.linalg.inv(change)
    return problem, DenseParameters.without_biases(weights)


def _add_idle_lane(
    rng: np.random.Generator,
    quadratic: Quadratic,
    weights: list[FloatArray],
    lane: int,
    entering: list[int],
    leaving: list[int],
) -> None:
    """Connect a lane to missing directions and break it; no direction both enters and leaves, so nothing pulls."""
    left, _, right = quadratic.svd
    layers = len(weights)
    broken = {int(index) for index in rng.choice(layers, int(rng.integers(1, layers + 1)), replace=False)}
    if broken in ({0}, {layers - 1}):
        # a lane that reaches the whole output, or the whole input, has to be broken once more
        broken = {0, layers - 1}
    if 0 not in broken and entering:
        weights[0][lane] = rng.uniform(0.5, 1.5) * right[:, int(rng.choice(entering))]
    for index in range(1, layers - 1):
        if index not in broken:
            weights[index][lane, lane] = rng.uniform(0.5, 1.5)
    if layers - 1 not in broken and leaving:
        weights[-1][:, lane] = rng.uniform(0.5, 1.5) * left[:, int(rng.choice(leaving))]


def _unwhitened(rng: np.random.Generator, quadratic: Quadratic, first: FloatArray, inputs: int) -> FloatArray:
    """The first layer for the inputs as they are, with anything in directions that do not occur."""
    expanded: FloatArray = quadratic.expand((first / quadratic.scales).T).T
    if quadratic.basis is None or quadratic.rank == inputs:
        return expanded
    noise = rng.standard_normal((first.shape[0], inputs))
    free: FloatArray = noise - (noise @ quadratic.basis) @ quadratic.basis.T
    return expanded + free


def decayed_point(rng: np.random.Generator) -> tuple[Problem, DenseParameters, PointClass]:
    """A stationary point with decay on white inputs, in a random gauge, with its predicted class."""
    n_layers = int(rng.integers(2, 5))
    inputs, outputs = (int(size) for size in rng.integers(2, 5, 2))
    shape = Shape(inputs, tuple(int(width) for width in rng.integers(1, 5, n_layers - 1)), outputs)
    decays = random_decays(rng, n_layers, 0.02, 0.3)
    problem = Problem(network_of(shape, decays), white_moments(rng, shape))
    quadratic = quadratic_of(problem)
    lanes = lanes_of(problem, quadratic)
    choice = _random_choice(rng, lanes)
    return problem, _weights_of(rng, problem, quadratic, choice), lanes.class_of(choice)


def _random_choice(rng: np.random.Generator, lanes: Lanes) -> Choice:
    options = [lanes.shrinkage.roots(target) for target in lanes.targets]
    able = [index for index, roots in enumerate(options) if roots]
    count = int(rng.integers(0, min(lanes.bound, len(able)) + 1))
    if rng.integers(2):
        picked = able[:count]
    else:
        picked = sorted(int(index) for index in rng.choice(able, count, replace=False)) if count else []
    stable = rng.integers(3) > 0
    return [(index, options[index][-1 if stable else int(rng.integers(len(options[index])))]) for index in picked]


def _weights_of(rng: np.random.Generator, problem: Problem, quadratic: Quadratic, choice: Choice) -> DenseParameters:
    left, _, right = quadratic.svd
    network = problem.network
    frames = [quadratic.expand(right[:, [index for index, _ in choice]])]
    gauges = [np.linalg.qr(rng.standard_normal((width, width)))[0] for width in network.hidden_widths]
    frames += [gauge[:, : len(choice)] for gauge in gauges]
    frames.append(left[:, [index for index, _ in choice]])
    shares = np.array([root.lane for _, root in choice])
    weights = [
        (frames[index + 1] * (shares / np.sqrt(decay))) @ frames[index].T
        for index, decay in enumerate(network.weight_decays)
    ]
    return DenseParameters.without_biases(weights)


def inflection_point(rng: np.random.Generator) -> tuple[Problem, DenseParameters, PointClass]:
    """A stationary point with one singular value on the inflection of its scalar problem: a non-strict saddle."""
    n_layers = int(rng.integers(3, 5))
    inputs, outputs = (int(size) for size in rng.integers(2, 5, 2))
    shape = Shape(inputs, tuple(int(width) for width in rng.integers(2, 5, n_layers - 1)), outputs)
    moments = white_moments(rng, shape)
    decays = random_decays(rng, n_layers, 0.02, 0.3)
    trial = Problem(network_of(shape, decays), moments)
    lanes = lanes_of(trial, quadratic_of(trial))
    # the second target sits on its threshold, the first is well above it
    factor = lanes.shrinkage.scale_reaching(lanes.targets[1], lanes.shrinkage.existence_threshold)
    problem = Problem(network_of(shape, decays * factor), moments)
    quadratic = quadratic_of(problem)
    lanes = lanes_of(problem, quadratic)
    roots = [lanes.shrinkage.roots(target) for target in lanes.targets[:2]]
    choice = [(index, found[-1]) for index, found in enumerate(roots)]
    return problem, _weights_of(rng, problem, quadratic, choice), lanes.class_of(choice)
