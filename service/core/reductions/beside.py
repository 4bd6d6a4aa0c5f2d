"""Skips beside one layer: a layer and what leads around it are one matrix.

Proofs: ``docs/theory/reductions.md``.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeAlias

import numpy as np

from service.core.ground.enclosures.sources import UNIT
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.twofold import added, exactly
from service.core.ground.parameters import FactoredMatrix
from service.core.ground.problems import Layer, Problem, Skip
from service.core.reductions.step import (
    Step,
    Weights,
    dense_factor,
    exact_frozen,
    exchanged,
    frozen_decay,
    scaled,
    with_network,
)
from service.vocabulary import SkipKind

_Parts: TypeAlias = tuple[FactoredMatrix, FactoredMatrix | None]
WIDEST_DENSE: Final = 2048
"""Layers beside an identity are returned as dense matrices, up to this width."""


def others_of(problem: Problem, number: int) -> tuple[Skip, ...]:
    """All skips but one."""
    skips = problem.network.skips
    return (*skips[:number], *skips[number + 1 :])


def inserted(
    items: tuple[FactoredMatrix | None, ...], number: int, new: FactoredMatrix | None
) -> tuple[FactoredMatrix | None, ...]:
    """Weights of the skips with one more."""
    return (*items[:number], new, *items[number:])


def dropped(items: tuple[FactoredMatrix | None, ...], number: int) -> tuple[FactoredMatrix | None, ...]:
    """Weights of the skips with one less."""
    return (*items[:number], *items[number + 1 :])


def beside_a_layer(problem: Problem, number: int) -> Step | str:
    """One layer and a skip beside it are one matrix; two decays combine like resistors in parallel."""
    skip = problem.network.skips[number]
    if skip.target != skip.source + 1:
        return ""
    layer = problem.network.layers[skip.source]
    if skip.kind is SkipKind.IDENTITY:
        return _beside_identity(problem, number, layer)
    frozen = layer.frozen_weights
    if frozen is not None:
        if skip.weight_decay > 0.0:
            return "the skip beside a frozen layer is decayed, so that the two are not one layer"
        fixed, rest = dense_factor(frozen), frozen
        free = replace(layer, frozen_weights=None, frozen_rest=None, weight_decay=0.0)

        def beside(total: FactoredMatrix) -> _Parts:
            return fixed, dense_factor(total.dense() - rest)

        return _one_matrix(problem, number, free, beside, frozen_decay(layer), keeps_origin=False)
    total_decay = layer.weight_decay + skip.weight_decay
    share = skip.weight_decay / total_decay if total_decay > 0.0 else 1.0
    both = replace(layer, weight_decay=share * layer.weight_decay)
    return _one_matrix(problem, number, both, lambda total: (scaled(total, share), scaled(total, 1.0 - share)))


def _beside_identity(problem: Problem, number: int, layer: Layer) -> Step | str:
    eye = np.eye(min(layer.width, WIDEST_DENSE))
    if layer.width > WIDEST_DENSE:
        return f"the layer beside the identity is wider than {WIDEST_DENSE}"
    if layer.frozen_weights is not None:
        high, low = added(exact_frozen(layer), exactly(eye))
        sum_of_both = replace(layer, frozen_weights=high, frozen_rest=low, weight_decay=0.0)
        fixed = dense_factor(layer.frozen_weights)
        return _one_matrix(problem, number, sum_of_both, lambda _: (fixed, None), frozen_decay(layer))
    if layer.weight_decay > 0.0:
        return "the layer beside the identity is decayed, so that the two are not one layer"
    return _one_matrix(
        problem, number, layer, lambda total: (dense_factor(total.dense() - eye), None), keeps_origin=False
    )


def _one_matrix(
    problem: Problem,
    number: int,
    layer: Layer,
    parts: Callable[[FactoredMatrix], _Parts],
    constant: float = 0.0,
    *,
    keeps_origin: bool = True,
) -> Step:
    """The layer that is the sum of a layer and the skip beside it, and how the sum is parted again."""
    skip = problem.network.skips[number]
    at = skip.source
    layers = problem.network.layers

    def lift(weights: Weights, _: FloatArray) -> Weights:
        own, beside = parts(weights.layers[at])
        return Weights(exchanged(weights.layers, at, at + 1, (own,)), inserted(weights.skips, number, beside))

    def project(weights: Weights) -> Weights:
        beside = weights.skips[number]
        total = weights.layers[at].dense() + (np.eye(layer.width) if beside is None else beside.dense())
        return Weights(exchanged(weights.layers, at, at + 1, (dense_factor(total),)), dropped(weights.skips, number))

    return Step(
        "layer and skip beside it as one matrix",
        with_network(problem, (*layers[:at], layer, *layers[at + 1 :]), others_of(problem, number)),
        lift,
        project,
        constant=constant,
        evidence={"layer": at + 1, "decay": layer.weight_decay},
        keeps_origin=keeps_origin,
        share=16.0 * UNIT,
    )
