"""Starts of training, each a random weight matrix a layer; biases start at zero.

The streams of random numbers depend on the seed, the scheme and the number of the run alone.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Network, shapes_of
from service.core.losses.batched import Stack
from service.vocabulary import Initialisation

Shapes: TypeAlias = Sequence[tuple[int, int]]
SMALL: Final = 0.1
"""Norm of each layer of a small balanced start."""


def generator(seed: int, *place: int) -> np.random.Generator:
    """The stream of random numbers at a place, independent of all others."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=place))


def start(network: Network, inputs: int, scheme: Initialisation, seed: int, runs: Sequence[int]) -> Stack:
    """Parameters before the first step.

    Parameters
    ----------
    network : Network
    inputs : int
    scheme : Initialisation
    seed : int
    runs : sequence of int
        Numbers of the runs.

    Returns
    -------
    list of arrays
        As `BatchedLoss` takes them.
    """
    shapes = shapes_of(network, inputs)
    code = list(Initialisation).index(scheme)
    drawn = [SCHEMES[scheme](shapes, generator(seed, code, run)) for run in runs]
    weights = [np.stack([one[index] for one in drawn]) for index in range(len(shapes))]
    return [*weights, *(np.zeros((len(runs), network.layers[index].width, 1)) for index in network.bias_layers)]


def _xavier(shapes: Shapes, rng: np.random.Generator) -> Stack:
    """Uniform within ``sqrt(6 / (inputs + outputs))`` (Glorot and Bengio 2010)."""
    return [_uniform((6.0 / (rows + columns)) ** 0.5, (rows, columns), rng) for rows, columns in shapes]


def _kaiming(shapes: Shapes, rng: np.random.Generator) -> Stack:
    """Uniform within ``sqrt(3 / inputs)``, gain one as is right for linear layers (He et al. 2015)."""
    return [_uniform((3.0 / columns) ** 0.5, (rows, columns), rng) for rows, columns in shapes]


def _uniform(bound: float, shape: tuple[int, int], rng: np.random.Generator) -> FloatArray:
    return rng.uniform(-bound, bound, shape)


def _orthogonal(shapes: Shapes, rng: np.random.Generator) -> Stack:
    """Orthonormal rows or columns, uniformly distributed (Saxe et al. 2014)."""
    return [_orthonormal(rows, columns, rng) for rows, columns in shapes]


def _orthonormal(rows: int, columns: int, rng: np.random.Generator) -> FloatArray:
    tall = rng.normal(size=(max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(tall)
    q = q * np.where(np.diagonal(r) < 0.0, -1.0, 1.0)
    return q if rows >= columns else q.T


def _scaled_identity(shapes: Shapes, rng: np.random.Generator) -> Stack:
    """One factor, uniform in (0, 1), times a (rectangular) identity in every layer."""
    scale = rng.uniform()
    return [scale * np.eye(rows, columns) for rows, columns in shapes]


def _balanced_small(shapes: Shapes, rng: np.random.Generator) -> Stack:
    """``W_{l+1}' W_{l+1} = W_l W_l'`` (Arora et al. 2019): factors of a random map, each layer of norm 0.1."""
    rank = min(*(rows for rows, _ in shapes), shapes[0][1])
    end_to_end = rng.normal(size=(shapes[-1][0], shapes[0][1]))
    left, values, right = np.linalg.svd(end_to_end, full_matrices=False)
    shared = values[:rank] ** (1.0 / len(shapes))
    shared *= SMALL / np.linalg.norm(shared)
    bases = [right[:rank].T, *(_orthonormal(rows, rank, rng) for rows, _ in shapes[:-1]), left[:, :rank]]
    return [(bases[index + 1] * shared) @ bases[index].T for index in range(len(shapes))]


SCHEMES: Final[Mapping[Initialisation, Callable[[Shapes, np.random.Generator], Stack]]] = {
    Initialisation.XAVIER: _xavier,
    Initialisation.KAIMING: _kaiming,
    Initialisation.ORTHOGONAL: _orthogonal,
    Initialisation.SCALED_IDENTITY: _scaled_identity,
    Initialisation.BALANCED_SMALL: _balanced_small,
}
"""Every scheme with what draws it."""
