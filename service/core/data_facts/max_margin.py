"""Whether a linear map puts every sample on the right side, and which one does so with the largest margin."""

from dataclasses import dataclass

import numpy as np

from service.core.data_facts.labels import Labelled, difference_rows
from service.core.data_facts.least_norm import LeastNorm, least_norm
from service.core.ground.numbers.arrays import FloatArray, IntArray

MAX_DIFFERENCES = 4_000_000
"""Entries of the difference rows of a problem with several classes beyond which separability is not decided."""


@dataclass(frozen=True)
class Separability:
    """Strict linear separability through the origin.

    Attributes
    ----------
    separable : bool or None
    margin : float or None
        Two classes: the largest geometric margin.  More: the largest ``min_i,k (w_y - w_k).x_i`` over maps
        of unit Frobenius norm.
    direction : array or None
        Two classes: unit vector (d,) towards the second class (label +1, or class 1).
    support : array of int or None
        Samples that attain the margin.
    method : str
    residual : float
    reason : str
        Why it is not decided, or why there is no direction; empty otherwise.
    """

    separable: bool | None
    margin: float | None
    direction: FloatArray | None
    support: IntArray | None
    method: str
    residual: float
    reason: str


def separability_of(labelled: Labelled) -> Separability:
    """Decide separability and find the map of maximal margin, through the origin.

    Notes
    -----
    Two classes: hard-margin support vectors of ``y_i x_i``.  K classes: the rows ``(e_y - e_k) x_i^T``,
    (K-1) n of them in K d dimensions.
    """
    if labelled.n_classes == 2:
        return _binary(least_norm(labelled.signs[:, np.newaxis] * labelled.x))
    n, d = labelled.x.shape
    k = labelled.n_classes
    if n * (k - 1) * k * d > MAX_DIFFERENCES:
        return Separability(None, None, None, None, "none", float("inf"), "too many classes, samples and inputs")
    found = least_norm(difference_rows(labelled.x, labelled.classes, k))
    support = None if found.support is None else np.unique(found.support // (k - 1))
    reason = "more than two classes have no single direction" if found.feasible else _not_separable(found)
    return Separability(found.feasible, found.margin, None, support, found.method, found.residual, reason)


def _binary(found: LeastNorm) -> Separability:
    reason = "" if found.direction is not None else _not_separable(found)
    return Separability(
        found.feasible, found.margin, found.direction, found.support, found.method, found.residual, reason
    )


def _not_separable(found: LeastNorm) -> str:
    if found.feasible is False:
        return "no linear map through the origin separates the classes"
    return "the margin is too small for double precision"
