"""When gradient flow of a linear network learns each singular direction, without following the flow.

Where the inputs are uncorrelated along the singular directions of ``E[y x^T]`` and the start is aligned and balanced,
each direction obeys an equation of its own, with a closed form for one and two layers and one integral for more.  From
other starts the times are approximate.  See ``docs/theory/learning-times.md``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import numpy as np

from service.core.dynamics.mode_equation import ModeEquation
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem
from service.vocabulary import Activation, Bias, Loss

ALIGNED: Final = 1e-9
"""Share of what is off the diagonal up to which directions do not meet."""
PLATEAU: Final = 0.1
"""Share of its limit that a direction has reached when its plateau ends."""
_ABSENT: Final = 1e-12
NO_EQUATION: Final = "singular directions do not have equations of their own"
_BEYOND: Final = "the start is beyond this share of the limit"


@dataclass(frozen=True, slots=True)
class LearnedMode:
    """One singular direction of ``E[y x^T]`` and when the flow learns it, in the time of the core's objective.

    Attributes
    ----------
    target : float
        Of the least-squares map along it.
    start : float
        Of the map at the start, as far as it grows.
    limit : float or None
        What the flow tends to from there, where the times are known.
    half_time, plateau : float or None
        When half and a tenth of the limit are reached.
    curvature : float or None
        Largest Hessian eigenvalue that the direction has at its limit when balanced.
    exact : bool
    coupling : float
        Largest correlation of the inputs along this direction with those along another.
    reasons : dict
    """

    target: float
    start: float
    limit: float | None
    half_time: float | None
    plateau: float | None
    curvature: float | None
    exact: bool
    coupling: float
    reasons: dict[str, str] = field(default_factory=dict)


def why_not(problem: Problem) -> str:
    """Why no direction of a network has an equation of its own; empty if each has."""
    network = problem.network
    linear = all(layer.activation is Activation.LINEAR for layer in network.layers)
    plain = not network.skips and all(layer.frozen_weights is None for layer in network.layers)
    noisy = bool(np.any(network.noise_variances)) or network.input_noise_variance > 0.0
    hidden_bias = network.n_hidden > 0 and network.bias in (Bias.ALL, Bias.HIDDEN)
    ways = (
        (problem.loss is not Loss.SQUARED or not linear, "they do in linear networks under squared loss only"),
        (not plain, "with skips or frozen layers directions meet"),
        (noisy, "with noise directions meet"),
        (bool(np.ptp(network.weight_decays) > 0.0), "with unequal decays the layers do not stay balanced"),
        (hidden_bias, "hidden biases move together with the directions"),
        (
            network.bias is not Bias.NONE and not problem.data.centred,
            "an output bias moves together with the directions unless the data are centred",
        ),
    )
    return next((f"{NO_EQUATION}: {reason}" for fails, reason in ways if fails), "")


def learned_modes(problem: Problem, weights: Sequence[FloatArray]) -> tuple[LearnedMode, ...]:
    """Every direction that the data have, from the strongest correlation.

    Parameters
    ----------
    problem : Problem
        For which `why_not` is empty.
    weights : sequence of (width, inputs) arrays
        At the start.

    Notes
    -----
    O(k d min(k, d) + d^2 min(k, d)) and one integral a direction for three layers and more.
    """
    moments, layers = problem.data, problem.network.n_layers
    left, strengths, right = np.linalg.svd(moments.xy.T, full_matrices=False)
    present = strengths > _ABSENT * max(float(strengths.max(initial=0.0)), 1e-300)
    left, strengths, right = left[:, present], strengths[present], right[present].T
    seen = right.T @ moments.xx @ right
    sizes = np.diagonal(seen)
    apart = np.abs(seen - np.diag(sizes)) / np.sqrt(np.outer(sizes, sizes))
    # inputs beside the directions that the targets use disturb them as well
    beside = moments.xx @ right - right @ seen
    outside = np.linalg.norm(beside, axis=0) / np.maximum(sizes, 1e-300)
    couplings = np.maximum(apart.max(axis=0, initial=0.0), outside)
    product = weights[0]
    for weight in weights[1:]:
        product = weight @ product
    aligned = _aligned(weights, product, left, right)
    found = []
    for place, strength in enumerate(strengths):
        start = _start(weights, product, left[:, place], right[:, place], aligned=aligned)
        exact = bool(couplings[place] <= ALIGNED and (layers == 1 or aligned))
        decay = float(problem.network.weight_decays[0])
        room = min((*problem.network.hidden_widths, len(strengths)))
        why = ""
        if not aligned and layers > 2:
            why = "with three layers and more times are known for starts that are aligned and balanced"
        elif not aligned and place >= room:
            why = "a hidden layer has fewer units than there are stronger directions"
        equation = ModeEquation(layers, float(strength), float(sizes[place]), decay)
        found.append(_learned(equation, start, float(couplings[place]), exact=exact, why=why))
    return tuple(found)


def _aligned(weights: Sequence[FloatArray], product: FloatArray, left: FloatArray, right: FloatArray) -> bool:
    """Whether layers are balanced and the map is diagonal and not negative in the directions of the data."""
    size = max(float(np.linalg.norm(weight)) for weight in weights) ** 2
    for lower, upper in pairwise(weights):
        if float(np.linalg.norm(upper.T @ upper - lower @ lower.T)) > ALIGNED * size:
            return False
    inside = left.T @ product @ right
    diagonal = np.diag(np.diagonal(inside))
    off = max(float(np.linalg.norm(inside - diagonal)), float(np.linalg.norm(product - left @ inside @ right.T)))
    scale = max(float(np.linalg.norm(product)), 1e-300)
    return off <= ALIGNED * scale and float(np.diagonal(inside).min(initial=0.0)) >= -ALIGNED * scale


def _start(
    weights: Sequence[FloatArray], product: FloatArray, left: FloatArray, right: FloatArray, *, aligned: bool
) -> float:
    """The part of a start that grows; near zero two layers grow along the mean of what each sends to the other."""
    if len(weights) == 2 and not aligned:
        growing = 0.5 * (weights[0] @ right + weights[1].T @ left)
        return float(growing @ growing)
    return float(left @ product @ right)


def _learned(equation: ModeEquation, start: float, coupling: float, *, exact: bool, why: str) -> LearnedMode:
    """What happens from a start; ``why`` times are not known, if they are not."""
    limit, dies = equation.limit_from(start)
    unknown, why = bool(why), why or dies
    reasons: dict[str, str] = {"limit": why} if unknown else {}
    times: dict[str, float | None] = {}
    for name, share in (("half_time", 0.5), ("plateau", PLATEAU)):
        times[name] = None
        if why:
            reasons[name] = why
        elif start >= share * limit:
            reasons[name] = _BEYOND
        else:
            times[name] = equation.time(start, share * limit, limit)
    return LearnedMode(
        target=equation.strength / equation.size,
        start=start,
        limit=None if unknown else limit,
        half_time=times["half_time"],
        plateau=times["plateau"],
        curvature=None if unknown else equation.curvature_at(limit),
        exact=exact,
        coupling=coupling,
        reasons=reasons,
    )
