"""Random problems of every kind that the core can state; a solver is tried on those it says it covers."""

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np

from service.core.ground.data.moments import moments_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.parameters import Parameters
from service.core.ground.problems import Layer, Network, Problem, Samples
from service.core.ground.roles import Solver
from service.core.ground.rules import conjunction, examine
from service.core.losses.dense import DenseParameters
from service.core.losses.expected import gradient_of, loss_of
from service.vocabulary import Bias
from tests.support import outputs_instances as families


def random_problem(seed: int, outputs: int | None = None) -> Problem:
    """A linear network on regression data, unequal in everything; some are singular, biased or barely decayed."""
    rng = np.random.default_rng(seed)
    depth = int(rng.integers(0, 5))
    inputs = int(rng.integers(1, 6))
    n = int(rng.integers(2, 25))
    k = int(rng.choice([1, 1, 1, 2, 3])) if outputs is None else outputs
    scales = 10.0 ** rng.uniform(-1.0, 0.5, inputs)
    x = rng.normal(size=(n, inputs)) * scales
    if rng.random() < 0.3 and inputs > 1:
        x[:, -1] = 2.0 * x[:, 0]
    if rng.random() < 0.5:
        x = x + rng.normal(size=inputs)
    y = x @ rng.normal(size=(inputs, k)) / scales.mean() + 0.3 * rng.normal(size=(n, k))
    network = Network(
        layers=(*(_hidden(rng) for _ in range(depth)), Layer(k, weight_decay=_decay(rng))),
        input_noise_variance=float(rng.choice([0.0, 0.0, 0.2])),
        bias=Bias(rng.choice(["none", "none", "output", "all"])),
        bias_weight_decays=(0.0,) * (depth + 1),
    )
    return Problem(network, moments_of(x, y), Samples(x, y))


def _decay(rng: np.random.Generator) -> float:
    return float(10.0 ** rng.uniform(-2.5, 0.0))


def _hidden(rng: np.random.Generator) -> Layer:
    noise = float(rng.choice([0.0, rng.uniform(0.05, 1.0)]))
    return Layer(int(rng.integers(1, 5)), weight_decay=_decay(rng), noise_variance=noise)


def _drawn(generator: Callable[[np.random.Generator], Problem]) -> Callable[[int], Problem]:
    return lambda seed: generator(np.random.default_rng(seed))


FAMILIES: dict[str, Callable[[int], Problem]] = {
    "reduced_rank": _drawn(families.undecayed),
    "factorisation": _drawn(families.decayed_white),
    "autoencoder": _drawn(families.autoencoder),
    "dropout": _drawn(families.two_layer_dropout),
    "uncentred_noise": _drawn(families.noise_under_a_bias),
    "nuclear_norm": _drawn(families.two_layers_decayed),
    "rank_one_bottleneck": _drawn(families.rank_one),
    "deep_bounded": _drawn(families.deep_decayed),
    "noisy_bounded": _drawn(families.noisy_general),
}
"""Generators of problems that plain random ones hardly ever are; a solver without one is tried on those."""

AT_MOST = {"uncentred_noise": 2, "deep_bounded": 4, "noisy_bounded": 2, "rank_one_bottleneck": 15, "nuclear_norm": 20}
"""Numeric solvers take longer: fewer problems each here, hundreds in the evidence reports."""


def covered_by(solver: Solver, count: int, start: int = 0) -> Iterator[Problem]:
    """The first problems, in the order of their seeds, for which every hypothesis of the solver holds."""
    draw = FAMILIES.get(solver.name, random_problem)
    count = min(count, AT_MOST.get(solver.name, count))
    found = 0
    for seed in range(start, start + 200 * count):
        problem = draw(seed)
        if conjunction(examine(solver.hypotheses, problem)) is True:
            found += 1
            yield problem
            if found == count:
                return
    raise AssertionError(f"{solver.name} covers only {found} of {200 * count} random problems")


def dense(parameters: Parameters) -> DenseParameters:
    """All entries of factored parameters."""
    biases = tuple(None if bias is None else bias.dense()[:, 0] for bias in parameters.biases)
    return DenseParameters(tuple(weight.dense() for weight in parameters.weights), biases)


def zeros_like(problem: Problem) -> DenseParameters:
    """Parameters of the right shapes for a problem."""
    network = problem.network
    widths = [problem.data.inputs, *(layer.width for layer in network.layers)]
    weights = tuple(np.zeros((after, before)) for before, after in pairwise(widths))
    biases = tuple(
        np.zeros(layer.width) if network.has_bias(index) else None for index, layer in enumerate(network.layers)
    )
    return DenseParameters(weights, biases)


def random_like(problem: Problem, rng: np.random.Generator, scale: float = 1.0) -> DenseParameters:
    """Gaussian parameters of the right shapes."""
    shape = zeros_like(problem)
    return DenseParameters(
        tuple(scale * rng.normal(size=weight.shape) for weight in shape.weights),
        tuple(None if bias is None else scale * rng.normal(size=bias.shape) for bias in shape.biases),
    )


def value(problem: Problem, parameters: DenseParameters) -> float:
    """Exact expected objective."""
    return float(loss_of(problem.network, problem.data, parameters))


def gradient_norm(problem: Problem, parameters: DenseParameters) -> float:
    """Norm of the exact gradient."""
    gradient = gradient_of(problem.network, problem.data, parameters)
    parts = [part for part in (*gradient.weights, *gradient.biases) if part is not None]
    return float(np.sqrt(sum(float(np.sum(part * part)) for part in parts)))


def haar(rng: np.random.Generator, size: int) -> FloatArray:
    """A random orthogonal matrix."""
    q, r = np.linalg.qr(rng.normal(size=(size, size)))
    orthogonal: FloatArray = q * np.sign(np.diagonal(r))
    return orthogonal
