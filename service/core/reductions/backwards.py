"""A network that ends in a frozen matrix, read backwards where its inputs are white.

Proof: ``docs/theory/reductions.md``.
"""

from dataclasses import replace

import numpy as np

from service.core.ground.as_sent import prediction_source
from service.core.ground.enclosures.backwards import Backwards
from service.core.ground.enclosures.longest import longest_useful
from service.core.ground.enclosures.sources import UNIT, Source, gamma
from service.core.ground.numbers.factor import powers_of_two
from service.core.ground.problems import Layer, Moments, Problem
from service.core.reductions.absorbed import PRESENT
from service.core.reductions.step import (
    Step,
    dense_factor,
    exact_frozen,
    frozen_decay,
    transposed,
    with_network,
)
from service.core.several_outputs.squared_error.quadratic import WHITE_TOLERANCE, quadratic_of


def turned_round(problem: Problem) -> Step | str | None:
    """On white inputs a network that ends in a frozen matrix A is, read backwards, one whose inputs have ``A^T A``."""
    *trained, last = problem.network.layers
    matrix = last.frozen_weights
    if matrix is None or any(layer.frozen_weights is not None for layer in trained) or not trained:
        return None
    if np.any(problem.network.noise_variances):
        return "the last layer is frozen, its singular values differ, and hidden layers have noise"
    quadratic = quadratic_of(problem)
    if quadratic.spread > WHITE_TOLERANCE:
        return "the last layer is frozen, its singular values differ, and the inputs are not white"
    if quadratic.rank < problem.data.inputs and not all(layer.weight_decay > 0.0 for layer in trained):
        return "the last layer is frozen, its singular values differ, and the inputs miss some directions"
    data, square = problem.data, quadratic.mean_square
    widths = [data.inputs, *(layer.width for layer in trained)]
    layers = [Layer(widths[index], weight_decay=trained[index].weight_decay) for index in reversed(range(len(trained)))]
    moments = Moments(square * (matrix.T @ matrix), matrix.T @ data.xy.T, data.yy, data.n)
    given = dense_factor(matrix)
    values = np.linalg.svd(matrix, compute_uv=False)
    least = float(np.min(values[values > PRESENT * max(float(values[0]), 1e-300)], initial=np.inf))
    return Step(
        "white inputs and a frozen last layer, read backwards",
        with_network(problem, layers, moments=moments, change=lambda base: _read_backwards(problem, base)),
        lambda weights, _: replace(weights, layers=(*(transposed(w) for w in reversed(weights.layers)), given)),
        lambda weights: replace(weights, layers=tuple(transposed(w) for w in reversed(weights.layers[:-1]))),
        lambda end_map: matrix @ end_map.T,
        frozen_decay(last),
        {"spread": quadratic.spread},
        lost=lambda upper: _lost(problem, upper),
        limit=lambda limit, _: 0.9 * limit * least if np.isfinite(least) else limit,
    )


def _read_backwards(problem: Problem, base: Source) -> Source:
    """The error of transposed maps, with bounds of the second moments that count as equal."""
    spectrum, square = problem.data.spectrum, quadratic_of(problem).mean_square
    basis = spectrum.vectors[:, spectrum.active]
    count = basis.shape[1]
    units = powers_of_two(np.full(count, np.sqrt(square)))
    gram, error = base.second(basis, units, True)
    scale = units[0] ** 2 / square
    off = float(np.linalg.norm(np.abs(gram * scale - np.eye(count)) + error * scale))
    off += float(np.linalg.norm(basis.T @ basis - np.eye(count))) + gamma(len(basis) + 2.0) * count
    off = 1.01 * off + 16.0 * UNIT
    matrix = exact_frozen(problem.network.layers[-1]).high
    return Backwards(base, matrix, square * max(1.0 - off, 0.0), 1.1 * square * (1.0 + off))


def _lost(problem: Problem, upper: float) -> float:
    """What the directions may take off in which the inputs do not vary, to rounding, and what is left of the matrix.

    Notes
    -----
    Weights along these directions change the error by twice the slope along them, at least.
    """
    data, exact = problem.data, exact_frozen(problem.network.layers[-1])
    decays = np.array([layer.weight_decay for layer in problem.network.layers[:-1]])
    norm = longest_useful(decays, upper)
    rest, size, lost = float(np.linalg.norm(exact.low)), float(np.linalg.norm(exact.high)), 0.0
    base = prediction_source(problem, centre=False)
    if rest > 0.0:
        moved = rest * norm * float(np.linalg.norm(base.sizes))
        lost += moved * (2.0 * float(np.sqrt(upper)) + moved)
    spectrum = data.spectrum
    null = spectrum.vectors[:, ~spectrum.active]
    if null.size:
        local = base.near(np.zeros((len(exact.high), data.inputs)), np.zeros((len(exact.high), data.inputs)), True)
        along = float(np.linalg.norm(local.slope @ null)) + float(np.linalg.norm(local.slope_error))
        along += gamma(data.inputs + 2.0) * float(np.linalg.norm(local.slope))
        whole = spectrum.vectors
        units = np.ones(data.inputs)
        gram, error = base.second(whole, units, True)
        across = np.abs(gram) + error
        cross = float(np.linalg.norm(across[:, ~spectrum.active]))
        lost += 2.0 * size * norm * (along + size * norm * cross)
    return 1.01 * lost
