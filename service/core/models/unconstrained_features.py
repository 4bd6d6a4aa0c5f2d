"""Neural collapse: free features under a deep linear head with weight decay and squared loss on one-hot labels.

The features are one more layer on white inputs, so that the solvers of networks with several outputs decide which
classes are learned.  Tirer, Bruna (2022); Dang et al. (2023).  See ``docs/theory/unconstrained-features.md``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

import numpy as np

from service.core.ground.numbers.arrays import BoolArray, FloatArray
from service.core.ground.problems import Layer, Moments, Network, Problem, Skip
from service.core.ground.results import GlobalMinimum
from service.core.several_outputs.singular_values.shrinkage import Shrinkage
from service.core.several_outputs.squared_error.quadratic import Quadratic, quadratic_of
from service.core.several_outputs.squared_error.ranks import rank_bound

SAME = 1e-9
"""Relative difference up to which norms and cosines count as equal."""

PART = 1e-10
"""Share of a direction above which a class has a part in it."""


Frame: TypeAlias = Literal["simplex_etf", "orthogonal_frame", "general", "collapsed"]


@dataclass(frozen=True, slots=True)
class ClassGeometry:
    """What becomes of one class; a missing number has an entry in ``reasons``.

    Attributes
    ----------
    count : int
    learned : bool
        Whether its mean feature is other than zero.
    feature_norm : float or None
        Length of the feature that all its samples share.
    collapse_decay_scale : float or None
        Factor on all decays from which on the class is not learned.
    reasons : dict
    """

    count: int
    learned: bool
    feature_norm: float | None
    collapse_decay_scale: float | None
    reasons: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FeatureGeometry:
    """The geometry of the returned minimum.

    Attributes
    ----------
    kind : str
        ``simplex_etf``, ``orthogonal_frame``, ``general`` or ``collapsed``.
    classes : tuple of ClassGeometry
    count_threshold : float or None
        Without a bias a class is learned iff it is among the largest that fit through the head and has more samples.
    logits : (K, K) array
        Outputs for a sample of each class (columns), bias included.
    cosines : (K, K) array or None
        Between class means; zero where a mean is zero.
    reasons : dict
    """

    kind: Frame
    classes: tuple[ClassGeometry, ...]
    count_threshold: float | None
    logits: FloatArray
    cosines: FloatArray | None
    reasons: dict[str, str]


def class_moments(counts: Sequence[int]) -> Moments:
    """Moments of one-hot labels against inputs that name the samples, on the span of the class indicators.

    Parameters
    ----------
    counts : sequence of int
        n_1 .. n_K, at least 1 each.

    Returns
    -------
    Moments
        Input k is the normalised indicator of class k: K x K numbers, whatever the number of samples.
    """
    sizes = np.array(counts, dtype=float)
    total = float(np.sum(sizes))
    roots = np.sqrt(sizes)
    return Moments(
        np.eye(sizes.size) / total, np.diag(roots / total), 1.0, int(sum(counts)), roots / total, sizes / total
    )


def feature_problem(counts: Sequence[int], width: int, decay: float, noise: float, head: Network) -> Problem:
    """The network whose first layer holds the features; column k of it is ``sqrt(n_k)`` times a feature of class k.

    Parameters
    ----------
    counts : sequence of int
    width : int
        Entries of a feature.
    decay : float
        Factor of ``sum_i ||h_i||^2`` in the core's convention.
    noise : float
        Variance of the mean-one noise on the features.
    head : Network
        From the features to the outputs; may have an output bias only.
    """
    layers = (Layer(width, weight_decay=decay, noise_variance=noise), *head.layers)
    decays = (0.0, *head.bias_weight_decays) if head.bias_weight_decays else ()
    skips = tuple(Skip(skip.source + 1, skip.target + 1, skip.kind, skip.weight_decay) for skip in head.skips)
    network = replace(head, layers=layers, input_noise_variance=0.0, bias_weight_decays=decays, skips=skips)
    return Problem(network, class_moments(counts))


def geometry_of(problem: Problem, counts: Sequence[int], minimum: GlobalMinimum) -> FeatureGeometry:
    """Class means, logits and thresholds of a minimum of `feature_problem`.

    Notes
    -----
    O(K^3) for K classes.
    """
    roots = np.sqrt(np.array(counts, dtype=float))
    logits = minimum.end_to_end_map / roots + minimum.output_offset[:, None]
    learned = _learned(problem, minimum)
    reasons: dict[str, str] = {}
    norms = cosines = None
    if minimum.parameters is None:
        reasons["cosines"] = "the infimum is not attained by any features"
    else:
        means = minimum.parameters.weights[0].dense() / roots
        norms = np.linalg.norm(means, axis=0)
        unit = means * learned / np.where(learned, norms, 1.0)
        cosines = unit.T @ unit
    threshold = _count_threshold(problem, reasons)
    scales = _collapse_scales(problem)
    classes = tuple(
        _class(counts[index], bool(learned[index]), None if norms is None else float(norms[index]), scales, index)
        for index in range(len(counts))
    )
    return FeatureGeometry(_kind(learned, norms, cosines), classes, threshold, logits, cosines, reasons)


def _learned(problem: Problem, minimum: GlobalMinimum) -> BoolArray:
    """Classes with a part in a direction that the map keeps: as many as its rank, however weak they are."""
    if _effective(problem)[0] is not None:
        kept: BoolArray = np.any(_taking_part(quadratic_of(problem), minimum.rank), axis=1)
        return kept
    signal = np.linalg.norm(minimum.end_to_end_map, axis=0)
    learned: BoolArray = np.asarray(signal > PART * float(signal.max(initial=0.0)))
    return learned


def _taking_part(quadratic: Quadratic, count: int) -> BoolArray:
    """Which classes have a part in each of the leading singular directions, shape (K, count)."""
    return np.asarray(np.abs(quadratic.expand(quadratic.svd[2][:, :count])) > PART)


def _class(
    count: int, learned: bool, norm: float | None, scales: tuple[FloatArray | None, str], index: int
) -> ClassGeometry:
    reasons: dict[str, str] = {}
    if norm is None:
        reasons["feature_norm"] = "the infimum is not attained by any features"
    scale = None if scales[0] is None else float(scales[0][index])
    if scales[0] is None:
        reasons["collapse_decay_scale"] = scales[1]
    elif scale == 0.0:
        scale = None
        reasons["collapse_decay_scale"] = "never learned: nothing of it is left for the features"
    return ClassGeometry(count, learned, norm if learned or norm is None else 0.0, scale, reasons)


def _effective(problem: Problem) -> tuple[Shrinkage | None, str]:
    """The scalar problem of every singular direction, or why there is none."""
    decays = problem.network.weight_decays.copy()
    if not np.all(decays > 0.0):
        return None, "a layer has no decay: every direction that fits through the layers is learned"
    if np.any(problem.network.noise_variances):
        return None, "hidden noise couples the directions"
    if any(layer.frozen_weights is not None for layer in problem.network.layers) or problem.network.skips:
        return None, "not known with frozen layers or skips"
    decays[0] /= quadratic_of(problem).mean_square
    return Shrinkage.of(decays), ""


def _count_threshold(problem: Problem, reasons: dict[str, str]) -> float | None:
    shrinkage, why = _effective(problem)
    if problem.network.bias_layers:
        why = "with a bias classes are not learned one by one"
    if why or shrinkage is None:
        reasons["count_threshold"] = why
        return None
    return float(problem.data.n or 0) * shrinkage.global_threshold**2


def _collapse_scales(problem: Problem) -> tuple[FloatArray | None, str]:
    """For each class the largest decay scale at which a direction with a part in it is still learned; 0 for never."""
    shrinkage, why = _effective(problem)
    if shrinkage is None:
        return None, why
    quadratic = quadratic_of(problem)
    values = quadratic.svd[1]
    kept = values[: rank_bound(problem, quadratic)]
    kept = kept[kept > 1e-13 * max(float(np.max(values, initial=0.0)), 1e-300)]
    threshold = shrinkage.global_threshold
    scales = np.array([shrinkage.scale_reaching(float(value), threshold) for value in kept])
    largest: FloatArray = np.max(_taking_part(quadratic, kept.size) * scales, axis=1, initial=0.0)
    return largest, ""


def _kind(learned: BoolArray, norms: FloatArray | None, cosines: FloatArray | None) -> Frame:
    if not np.any(learned):
        return "collapsed"
    if norms is None or cosines is None:
        return "general"
    chosen = np.flatnonzero(learned)
    inside = cosines[np.ix_(chosen, chosen)]
    off = inside[~np.eye(chosen.size, dtype=bool)]
    if off.size == 0 or float(np.abs(off).max()) <= SAME:
        return "orthogonal_frame"
    size = learned.size
    simplex = chosen.size == size and float(np.abs(off + 1.0 / (size - 1)).max()) <= SAME
    return "simplex_etf" if simplex and float(np.ptp(norms)) <= SAME * float(norms.max()) else "general"
