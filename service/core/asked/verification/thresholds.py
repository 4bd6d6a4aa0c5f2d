"""Claimed thresholds of a one-output network, tested by bounds on both sides of each."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from service.core.asked.verification.comparison import ClaimedAnswer, Comparison, close
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem
from service.core.one_output.norm_bound import norm_bound
from service.core.one_output.reduced import reduce, reduced_of

SHARP = 3e-7
"""Relative distance from a threshold at which the minimum must already be of the other kind."""
SHARPNESS = (1e-12, 4e-11, 2e-9)
"""Gains, as shares of what the data explain, below which the zero map counts as best; tried in turn."""
_Change: TypeAlias = Callable[[Problem, float], Problem]


def thresholds(claim: ClaimedAnswer, skipped: dict[str, str]) -> Iterator[Comparison]:
    """Critical decays and noises: the minimum is bounded on both sides of each."""
    claimed = claim.solution.thresholds
    depth = claim.problem.network.n_hidden
    if claimed.critical_decay_scale is not None:
        yield _threshold(claim, "critical_decay_scale", claimed.critical_decay_scale, _decays_times, depth)
    if claimed.critical_noise_variance is not None and depth > 1:
        yield _threshold(claim, "critical_noise_variance", claimed.critical_noise_variance, _noise_at, depth)
    if claimed.critical_noise_scale is not None and depth > 1:
        yield _threshold(claim, "critical_noise_scale", claimed.critical_noise_scale, _noise_times, depth)
    skipped["thresholds.metastable_up_to_decay_scale"] = "ends no branch of global minima"


def _threshold(claim: ClaimedAnswer, name: str, claimed: float, change: "_Change", depth: int) -> Comparison:
    field = f"thresholds.{name}"
    if not claimed > 0.0:
        return Comparison(field, "no positive number", agrees=False)
    if depth == 1:
        reduced = reduced_of(claim.problem)
        closed = reduced.correlation * float(np.exp(-reduced.log_kappa))
        return close(field, claimed, closed, SHARP * closed, scales=False)
    below = _collapsed(change(claim.problem, claimed * (1.0 - SHARP)))
    above = _collapsed(change(claim.problem, claimed * (1.0 + SHARP)))
    agrees = below is False and above is True
    word = {True: "zero", False: "not zero", None: "undecided"}
    return Comparison(field, f"below it {word[below]}, above it {word[above]}", agrees)


def _decays_times(problem: Problem, scale: float) -> Problem:
    layers = tuple(replace(layer, weight_decay=layer.weight_decay * scale) for layer in problem.network.layers)
    return replace(problem, network=replace(problem.network, layers=layers))


def _with_noise(problem: Problem, variances: FloatArray) -> Problem:
    hidden = (
        replace(layer, noise_variance=float(variance))
        for layer, variance in zip(problem.network.layers[:-1], variances, strict=True)
    )
    layers = (*hidden, problem.network.layers[-1])
    return replace(problem, network=replace(problem.network, layers=layers))


def _noise_at(problem: Problem, variance: float) -> Problem:
    return _with_noise(problem, np.full(problem.network.n_hidden, variance))


def _noise_times(problem: Problem, scale: float) -> Problem:
    return _with_noise(problem, problem.network.noise_variances * scale)


def _collapsed(problem: Problem) -> bool | None:
    """Whether the zero map is the minimum, by bounds alone; None if the bounds do not decide."""
    # the zero map wins or loses whatever the factor C outside, and C itself may be beyond double precision
    reduced = replace(reduce(problem.network, problem.data), log_factor=0.0)
    scale = float(np.sum(reduced.squares / reduced.values))
    # 3e-7 beyond a threshold the gain is some 1e-7 of what is explained there, which may be little of what the data
    # explain in all: sharply first, then as sharply as rounding allows
    for sharp in SHARPNESS:
        bound = norm_bound(reduced, 0.1 * sharp * scale, np.inf)
        if bound.gain > sharp * scale:
            return False
        if bound.possible_gain <= sharp * scale:
            return True
    return None
