"""What every reduction is: another problem with the same least loss up to a constant, and the ways there and back.

The proofs are in ``docs/theory/reductions.md``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np

from service.core.ground.as_sent import prediction_source
from service.core.ground.enclosures.sources import Source
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.twofold import Twofold
from service.core.ground.parameters import FactoredMatrix, columns_of
from service.core.ground.problems import Layer, Moments, Problem, Skip
from service.core.ground.rules import Fact

EQUAL = 1e-12
"""Relative difference up to which singular values count as equal."""


@dataclass(frozen=True, slots=True)
class Weights:
    """All matrices of a network: one for each layer, frozen ones included, and one for each skip that has any."""

    layers: tuple[FactoredMatrix, ...]
    skips: tuple[FactoredMatrix | None, ...] = ()


Lift: TypeAlias = Callable[[Weights, FloatArray], Weights]
"""Weights of the reduced problem and their end-to-end map to weights with the same loss before the reduction."""
Project: TypeAlias = Callable[[Weights], Weights]
ChangeMap: TypeAlias = Callable[[FloatArray], FloatArray]
ChangeError: TypeAlias = Callable[[Source], Source]
"""The squared error before the reduction to that of the reduced map."""


def unchanged(matrix: FloatArray) -> FloatArray:
    """The end-to-end map (k, d), where a reduction does not change it."""
    return matrix


def nothing_lost(upper: float) -> float:  # noqa: ARG001 - of the same form as what depends on the loss
    """Bounds of the reduced problem are bounds as they are."""
    return 0.0


def same_norm(limit: float, upper: float) -> float:  # noqa: ARG001 - of the same form as what depends on the loss
    """The norm of a map, where a reduction does not change it."""
    return limit


@dataclass(frozen=True)
class Step:
    """One reduction.

    Attributes
    ----------
    name : str
    problem : Problem
        With the same least loss, but for ``constant``.
    lift : callable
    project : callable
        Inverse of ``lift`` on minimisers.
    lift_map : callable
        End-to-end map of the reduced problem to that before the reduction.
    constant : float
        Loss before the reduction minus that after it.
    evidence : mapping
        The numbers that decided.
    keeps_origin : bool
        Whether all trained weights are zero on one side exactly if they are on the other.
    keeps_decays : bool
        Whether a common factor on all decays is one on those of the reduced problem.
    share : float
        For any weights before the reduction some after it cost no more but for the constant and this share of the loss.
    searched : bool
        Whether some singular value of a frozen matrix counts as zero that may be none: bounds then hold for maps up to
        a norm only.
    lost : callable
        What else may come off, for weights that cost no more than what it is given, where rounding makes the reduction
        inexact.
    limit : callable
        From a norm up to which reduced maps are searched, to one up to which maps before the reduction then are; its
        second argument is a loss that is reached.
    """

    name: str
    problem: Problem
    lift: Lift
    project: Project
    lift_map: ChangeMap = unchanged
    constant: float = 0.0
    evidence: dict[str, Fact] = field(default_factory=dict)
    keeps_origin: bool = True
    keeps_decays: bool = True
    share: float = 0.0
    searched: bool = False
    lost: Callable[[float], float] = nothing_lost
    limit: Callable[[float, float], float] = same_norm


def dense_factor(matrix: FloatArray) -> FactoredMatrix:
    """A dense matrix (rows, columns) in the form of factors."""
    if matrix.shape[0] < matrix.shape[1]:
        return FactoredMatrix(np.eye(matrix.shape[0]), np.ones(matrix.shape[0]), matrix.T)
    return FactoredMatrix(matrix, np.ones(matrix.shape[1]), np.eye(matrix.shape[1]))


def left_times(matrix: FloatArray, weight: FactoredMatrix) -> FactoredMatrix:
    """``matrix @ weight`` for a matrix (p, rows)."""
    return replace(weight, left=matrix @ columns_of(weight.left))


def times_right(weight: FactoredMatrix, matrix: FloatArray) -> FactoredMatrix:
    """``weight @ matrix`` for a matrix (columns, p)."""
    return replace(weight, right=matrix.T @ columns_of(weight.right))


def apply(weight: FactoredMatrix, columns: FloatArray) -> FloatArray:
    """``weight @ columns`` for columns (width, m), without the dense weight."""
    inner = (columns_of(weight.right).T @ columns) * weight.values[:, None]
    product: FloatArray = columns_of(weight.left) @ inner
    return product


def transposed(weight: FactoredMatrix) -> FactoredMatrix:
    """The transpose."""
    return FactoredMatrix(weight.right, weight.values, weight.left)


def zero(rows: int, columns: int) -> FactoredMatrix:
    """A matrix of zeros."""
    return FactoredMatrix(np.zeros((rows, 1)), np.zeros(1), np.zeros((columns, 1)))


def scaled(weight: FactoredMatrix, factor: float) -> FactoredMatrix:
    """``factor * weight``."""
    return replace(weight, values=weight.values * factor)


def with_network(
    problem: Problem,
    layers: Sequence[Layer],
    skips: Sequence[Skip] | None = None,
    moments: Moments | None = None,
    change: ChangeError | None = None,
) -> Problem:
    """The problem with other layers, skips or moments; samples and held-out data would belong to other inputs.

    Bounds go on to read the data that were sent, through what ``change`` makes of their squared error.
    """

    def sources(centre: bool) -> Source:
        base = prediction_source(problem, centre)
        return base if change is None else change(base)

    network = replace(
        problem.network,
        layers=tuple(layers),
        skips=problem.network.skips if skips is None else tuple(skips),
        bias_weight_decays=(),
    )
    moments = problem.moments if moments is None else moments
    return replace(problem, network=network, moments=moments, samples=None, evaluation=None, sources=sources)


def exchanged(
    items: Sequence[FactoredMatrix], start: int, stop: int, new: Sequence[FactoredMatrix]
) -> tuple[FactoredMatrix, ...]:
    """``items`` with those from ``start`` to ``stop`` replaced."""
    return (*items[:start], *new, *items[stop:])


def exact_frozen(layer: Layer) -> Twofold:
    """The matrix (width, inputs) of a frozen layer, with its rounding error."""
    if layer.frozen_weights is None:
        raise ValueError("the layer is trained")
    rest = np.zeros_like(layer.frozen_weights) if layer.frozen_rest is None else layer.frozen_rest
    return Twofold(layer.frozen_weights, rest)


def frozen_decay(layer: Layer) -> float:
    """What a frozen layer adds to the loss."""
    return 0.0 if layer.frozen_weights is None else layer.weight_decay * float(np.sum(layer.frozen_weights**2))
