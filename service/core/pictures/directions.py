"""Random directions through a point, scaled so that slices of different networks can be compared."""

import hashlib

import numpy as np

from service.core.dynamics.initialisations import generator
from service.core.ground.numbers.arrays import FloatArray
from service.core.losses.dense import DenseParameters, flatten, unflatten
from service.vocabulary import Normalisation

STREAM = 11
"""Place of directions among the streams of random numbers of one seed."""


def random_direction(
    point: FloatArray, like: DenseParameters, normalisation: Normalisation, seed: int, number: int
) -> FloatArray:
    """A Gaussian direction, in the order of `service.core.losses.dense.flatten`.

    Parameters
    ----------
    point : (P,) array
    like : DenseParameters
        Shapes.
    normalisation : Normalisation
        `filter` gives the weights into each neuron the length that they have at the point, `layer` those of each
        layer, both without biases; `unit` gives all weights and biases together length one.
    seed, number : int
        Which direction: it depends on nothing else.

    Notes
    -----
    Li, Xu, Taylor, Studer, Goldstein, Visualizing the Loss Landscape of Neural Nets, 2018, section 4.
    """
    drawn = generator(seed, STREAM, number).normal(size=point.size)
    if normalisation is Normalisation.UNIT:
        return np.asarray(drawn / np.linalg.norm(drawn))
    axis = 1 if normalisation is Normalisation.FILTER else None
    direction, centre = unflatten(drawn, like), unflatten(point, like)
    weights = [
        step * (np.linalg.norm(here, axis=axis, keepdims=True) / np.linalg.norm(step, axis=axis, keepdims=True))
        for step, here in zip(direction.weights, centre.weights, strict=True)
    ]
    biases = tuple(None if bias is None else np.zeros_like(bias) for bias in direction.biases)
    scaled: FloatArray = flatten(DenseParameters(tuple(weights), biases))
    return scaled


def fingerprint(direction: FloatArray) -> str:
    """Hash of the bits of a direction (P,); two slices that share a direction have the same hash."""
    return "sha256:" + hashlib.sha256(np.ascontiguousarray(direction, dtype="<f8").tobytes()).hexdigest()


def cosine(first: FloatArray, second: FloatArray) -> float:
    """Cosine of the angle between two directions (P,); 0 if one of them is zero."""
    lengths = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(first @ second) / lengths if lengths > 0.0 else 0.0
