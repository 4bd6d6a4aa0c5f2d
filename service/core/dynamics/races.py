"""Races: optimisers from random starts against the known minimum, and where each run ended."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from service.core.curvature.dense import hessian_of
from service.core.dynamics.initialisations import start
from service.core.dynamics.target import Target
from service.core.dynamics.training import NEAR, TrainingOptions, train
from service.core.ground.numbers.arrays import BoolArray, FloatArray, IntArray
from service.core.ground.problems import Problem
from service.core.losses.batched import Stack, norms_of, single
from service.core.losses.batched_samples import BatchedSampleLoss, stacked_loss
from service.vocabulary import Initialisation, Optimiser, Outcome

AT_REST: Final = 1e-5
"""A point is stationary when its gradient times the norm of the minimiser is below this share of E||y||^2."""
AT_ORIGIN: Final = 1e-2
"""Share of the norm of the minimiser below which weights count as zero once they rest or are proved trapped."""
MOST_HESSIAN: Final = 300
OUTCOMES: Final = tuple(Outcome)


@dataclass(frozen=True, slots=True)
class RaceRuns:
    """Runs of one optimiser from one scheme, in the order of their numbers.

    Attributes
    ----------
    outcome : (runs,) array of int
        Places in `OUTCOMES`.
    loss, gap : (runs,) arrays
        At the end; the gap is relative.  Of a diverged run the loss of the zero map, where it was put to rest.
    start_norm, end_norm : (runs,) arrays
        Norm of all weights.
    trapped : (runs,) array of bool
        Whether gradient flow from this start is proved to end at the origin.
    gradient_norm : (runs,) array
    least_hessian_eigenvalue : (runs,) array
        NaN where it was not needed, the network is too large, or it has activations.
    learning_rate : (runs,) array
    reached : (runs, 2) array of int
        Steps to within 1e-3 and 1e-6; -1 for never.
    curve : (runs, points) array
        Loss at the steps of `curve_steps`; NaN after a divergence.
    """

    outcome: IntArray
    loss: FloatArray
    gap: FloatArray
    start_norm: FloatArray
    end_norm: FloatArray
    trapped: BoolArray
    gradient_norm: FloatArray
    least_hessian_eigenvalue: FloatArray
    learning_rate: FloatArray
    reached: IntArray
    curve: FloatArray


def race(
    problem: Problem,
    target: Target,
    optimiser: Optimiser,
    scheme: Initialisation,
    runs: Sequence[int],
    options: TrainingOptions,
    should_stop: Callable[[], bool] = lambda: False,
) -> RaceRuns:
    """Run one optimiser from some of the starts of one scheme.

    Parameters
    ----------
    problem : Problem
        A linear network with squared loss, or one with activations on samples; without skips or frozen layers.
    target : Target
    optimiser, scheme
    runs : sequence of int
        Numbers of the runs; a run has the same digits whatever others it is asked for with.
    options : TrainingOptions
    should_stop : callable

    Returns
    -------
    RaceRuns

    Raises
    ------
    ValueError
        If sampled gradients are wanted and there are no samples.
    """
    first = start(problem.network, problem.data.inputs, scheme, options.seed, runs)
    went = train(problem, optimiser, scheme, runs, first, target, options, should_stop)
    loss = stacked_loss(problem)
    losses = loss.of(went.parameters)
    _, slopes = loss.gradient(went.parameters)
    gradient = norms_of(loss.add_decay(went.parameters, slopes))
    start_norm, end_norm = norms_of(first), norms_of(went.parameters)
    escape = -np.inf if target.escape_norm is None else target.escape_norm
    gap = target.relative_gap(losses)
    differs = optimiser is Optimiser.ADAMW and any(loss.decays)
    outcome = _outcomes(problem, target, gap, gradient, end_norm, went.diverged, differs=differs)
    return RaceRuns(
        outcome=outcome,
        loss=losses,
        gap=gap,
        start_norm=start_norm,
        end_norm=end_norm,
        trapped=start_norm < escape,
        gradient_norm=gradient,
        least_hessian_eigenvalue=np.full(outcome.size, np.nan)
        if isinstance(loss, BatchedSampleLoss)
        else _curvatures(problem, went.parameters, outcome),
        learning_rate=went.learning_rates,
        reached=went.reached,
        curve=went.losses,
    )


def _outcomes(
    problem: Problem,
    target: Target,
    gap: FloatArray,
    gradient: FloatArray,
    norm: FloatArray,
    diverged: BoolArray,
    *,
    differs: bool,
) -> IntArray:
    """The first description that fits, from the surest to the vaguest."""
    reference = max(target.parameter_norm, 1e-300) if not target.trivial else max(1.0, float(norm.max(initial=0.0)))
    resting = gradient * reference <= AT_REST * problem.spread
    escape = 0.0 if target.escape_norm is None else target.escape_norm
    at_origin = (norm <= AT_ORIGIN * reference) & (resting | (norm < escape))
    cases = [
        (diverged, Outcome.DIVERGED),
        (np.full(gap.size, differs), Outcome.DIFFERENT_OBJECTIVE),
        (gap <= NEAR[0], Outcome.MINIMUM),
        (at_origin, Outcome.ORIGIN),
        (resting, Outcome.OTHER_STATIONARY_POINT),
    ]
    codes = [OUTCOMES.index(outcome) for _, outcome in cases]
    chosen: IntArray = np.select([case for case, _ in cases], codes, OUTCOMES.index(Outcome.UNFINISHED))
    return chosen


def _curvatures(problem: Problem, parameters: Stack, outcome: IntArray) -> FloatArray:
    """Least Hessian eigenvalue of the runs that rest away from the minimum."""
    least = np.full(outcome.size, np.nan)
    if sum(array[0].size for array in parameters) > MOST_HESSIAN:
        return least
    resting = (OUTCOMES.index(Outcome.ORIGIN), OUTCOMES.index(Outcome.OTHER_STATIONARY_POINT))
    for run in np.flatnonzero(np.isin(outcome, resting)).tolist():
        dense = single(problem.network, parameters, run)
        least[run] = np.linalg.eigvalsh(hessian_of(problem.network, problem.data, dense))[0]
    return least


def wilson_interval(successes: int, runs: int) -> tuple[float, float]:
    """Confidence interval (95 %) of a success rate (Wilson 1927); never empty, never outside [0, 1]."""
    z = 1.959963984540054
    rate, weight = successes / runs, z * z / runs
    centre = (rate + 0.5 * weight) / (1.0 + weight)
    reach = z * (rate * (1.0 - rate) / runs + weight / (4.0 * runs)) ** 0.5 / (1.0 + weight)
    return max(0.0, centre - reach), min(1.0, centre + reach)
