"""Weights and biases as arrays: the map that they make, and all of them in one vector."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from service.core.ground.numbers.arrays import FloatArray

AnyArray: TypeAlias = npt.NDArray[Any]
"""Real, or complex where a derivative is taken by a complex step."""


@dataclass(frozen=True, slots=True)
class DenseParameters:
    """All weights and biases as arrays: ``weights[l]`` is (width, inputs), ``biases[l]`` (width,) or None."""

    weights: tuple[AnyArray, ...]
    biases: tuple[AnyArray | None, ...]

    @classmethod
    def without_biases(cls, weights: Sequence[AnyArray]) -> "DenseParameters":
        """Weights (width, inputs) of a network that has no bias."""
        return cls(tuple(weights), (None,) * len(weights))


def end_to_end(parameters: DenseParameters) -> tuple[AnyArray, AnyArray]:
    """Mean prediction ``f(x) = W x + b``: the map (k, d) and the offset (k,)."""
    first, *weights = parameters.weights
    bias, *biases = parameters.biases
    product: AnyArray = first
    offset: AnyArray = np.zeros(len(first)) if bias is None else bias
    for weight, bias in zip(weights, biases, strict=True):
        product = weight @ product
        offset = weight @ offset + (0.0 if bias is None else bias)
    return product, offset


def offset_moduli(parameters: DenseParameters) -> FloatArray:
    """Offset (k,) of the moduli, to which the rounding of the offset is relative; zero where the last bias is all."""
    if not any(bias is not None and bias.any() for bias in parameters.biases[:-1]):
        return np.zeros(len(parameters.weights[-1]))
    moduli = DenseParameters(
        tuple(np.abs(weight) for weight in parameters.weights),
        tuple(None if bias is None else np.abs(bias) for bias in parameters.biases),
    )
    offset: FloatArray = end_to_end(moduli)[1]
    return offset


def flatten(parameters: DenseParameters) -> AnyArray:
    """All weights, then all biases, in one vector (P,)."""
    pieces = [weight.ravel() for weight in parameters.weights]
    pieces += [bias.ravel() for bias in parameters.biases if bias is not None]
    return np.concatenate(pieces)


def unflatten(vector: AnyArray, like: DenseParameters) -> DenseParameters:
    """Inverse of `flatten` with the shapes of ``like``."""
    at = 0
    pieces: list[AnyArray | None] = []
    for part in (*like.weights, *like.biases):
        if part is None:
            pieces.append(None)
            continue
        pieces.append(vector[at : at + part.size].reshape(part.shape))
        at += part.size
    n_layers = len(like.weights)
    weights = tuple(piece for piece in pieces[:n_layers] if piece is not None)
    return DenseParameters(weights, tuple(pieces[n_layers:]))
