"""Layers that are not trained and stand first or in a row: the first makes new inputs, two in a row are one.

Each function returns the reduced problem, or ``None`` if it has nothing to do.  Proofs: ``docs/theory/reductions.md``.
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np

from service.core.ground.as_sent import LEAST
from service.core.ground.data.changes import with_input_noise, with_inputs
from service.core.ground.enclosures.combined import Combined, Part
from service.core.ground.enclosures.composed import Composed
from service.core.ground.enclosures.rows import on_each_input
from service.core.ground.enclosures.sources import Source
from service.core.ground.numbers.factor import powers_of_two
from service.core.ground.numbers.twofold import Twofold, times
from service.core.ground.problems import Problem
from service.core.reductions.absorbed import PRESENT
from service.core.reductions.step import (
    Step,
    dense_factor,
    exact_frozen,
    exchanged,
    frozen_decay,
    with_network,
)


def leading(problem: Problem) -> Step | str | None:
    """A frozen first layer makes new inputs; its noise only changes their second moments."""
    first, *rest = problem.network.layers
    matrix = first.frozen_weights
    if matrix is None or not rest:
        return None
    moments = with_input_noise(with_inputs(problem.data, matrix), first.noise_variance, centre=False)
    given, behind = dense_factor(matrix), exact_frozen(first)
    values = np.linalg.svd(matrix, compute_uv=False)
    least = float(np.min(values[values > PRESENT * max(float(values[0]), 1e-300)], initial=np.inf))
    return Step(
        "frozen first layer as new inputs",
        with_network(
            problem,
            rest,
            moments=moments,
            change=lambda base: _behind(base, behind, first.noise_variance, moments.outputs),
        ),
        lambda weights, _: replace(weights, layers=(given, *weights.layers)),
        lambda weights: replace(weights, layers=weights.layers[1:]),
        lambda end_map: end_map @ matrix,
        frozen_decay(first),
        {"inputs": matrix.shape[1], "new_inputs": matrix.shape[0]},
        limit=lambda limit, _: 0.9 * limit * least if np.isfinite(least) else limit,
    )


def _behind(base: Source, matrix: Twofold, noise: float, outputs: int) -> Source:
    """The squared error of a map of what a frozen first layer makes of the inputs, noise on that included."""
    seen = Composed(base, behind=matrix)
    if noise == 0.0:
        return seen
    units = powers_of_two(seen.sizes)
    gram, error = seen.second(np.eye(len(units)), units, True)
    variances = noise * np.maximum(gram.diagonal() - error.diagonal(), 0.0) * units**2
    return Combined([Part(seen, 1.0), Part(on_each_input(variances, outputs), LEAST)])


def neighbours(problem: Problem) -> Step | str | None:
    """Two frozen layers in a row are one."""
    for index, (one, other) in enumerate(pairwise(problem.network.layers)):
        if one.frozen_weights is not None and other.frozen_weights is not None and not one.noise_variance:
            return _merged(problem, index, exact_frozen(one), exact_frozen(other))
    return None


def _merged(problem: Problem, index: int, first: Twofold, second: Twofold) -> Step:
    layers = problem.network.layers
    one, other = layers[index], layers[index + 1]
    both = times(second, first)
    merged = replace(other, frozen_weights=both.high, frozen_rest=both.low, weight_decay=0.0)
    parts = (dense_factor(first.high), dense_factor(second.high))
    product = dense_factor(both.high)
    return Step(
        "frozen layers in a row as one",
        with_network(problem, (*layers[:index], merged, *layers[index + 2 :])),
        lambda weights, _: replace(weights, layers=exchanged(weights.layers, index, index + 1, parts)),
        lambda weights: replace(weights, layers=exchanged(weights.layers, index, index + 2, (product,))),
        constant=frozen_decay(one) + frozen_decay(other),
    )
