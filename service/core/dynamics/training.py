"""Train stacks of weights and note how the loss falls to the known minimum."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from service.core.curvature.bound import curvature_bound
from service.core.dynamics.initialisations import generator
from service.core.dynamics.optimisers import Adam, Descent, UpdateRule, lbfgs
from service.core.dynamics.sampling import SampledGradient, SampledRows
from service.core.dynamics.target import Target
from service.core.ground.numbers.arrays import BoolArray, FloatArray, IntArray
from service.core.ground.problems import Problem
from service.core.losses.batched import BatchedLoss, Stack, norms_of
from service.core.losses.batched_samples import BatchedSampleLoss, stacked_loss
from service.vocabulary import Initialisation, Optimiser

ADAM_RATE: Final = 0.01
CURVE_POINTS: Final = 60
NEAR: Final = (1e-3, 1e-6)
"""Relative distances to the minimum whose first steps are noted."""
RUNAWAY: Final = 1e6
"""Multiple of the larger of the first loss and the loss of the zero map beyond which a run has diverged."""


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """How to train.

    Attributes
    ----------
    steps : int
    learning_rate : float or None
        None for one over the larger curvature bound of the start and the minimum, that of the start for networks with
        activations (gradient descent), or 0.01 (Adam).
    batch_size : int
        Rows of each sampled gradient.
    sampled : bool
        Whether Adam and AdamW see sampled gradients too; SGD always does, the others never.
    gaussian : tuple of bool
        Kind of the noise on the inputs and each hidden layer; empty for dropout everywhere.
    seed : int
    unit : float
        The caller's objective divided by the core's: what a given learning rate and decoupled decay refer to.
    """

    steps: int
    learning_rate: float | None = None
    batch_size: int = 32
    sampled: bool = False
    gaussian: tuple[bool, ...] = ()
    seed: int = 0
    unit: float = 1.0

    def samples_gradients(self, optimiser: Optimiser) -> bool:
        """Whether an optimiser sees sampled gradients."""
        adaptive = optimiser in (Optimiser.ADAM, Optimiser.ADAMW)
        return optimiser is Optimiser.SGD or (self.sampled and adaptive)


@dataclass(frozen=True, slots=True)
class Trajectory:
    """How a stack of runs went.

    Attributes
    ----------
    parameters : list of arrays
        At the end; zeros where a run diverged.
    learning_rates : (runs,) array
        Zeros for L-BFGS, which searches along lines.
    losses : (runs, points) array
        At the steps of `curve_steps`; of a diverged run the last ones are NaN.
    reached : (runs, 2) array of int
        First step within each distance of `NEAR`, -1 if never; looked at on the curve only where gradients
        are sampled.
    diverged : (runs,) array of bool
    """

    parameters: Stack
    learning_rates: FloatArray
    losses: FloatArray
    reached: IntArray
    diverged: BoolArray


def curve_steps(steps: int) -> IntArray:
    """Steps (m,) at which the loss curve is kept: 0, then evenly in the logarithm."""
    return np.unique(np.concatenate(([0], np.rint(np.geomspace(1.0, steps, CURVE_POINTS)).astype(np.int_))))


def train(
    problem: Problem,
    optimiser: Optimiser,
    scheme: Initialisation,
    runs: Sequence[int],
    start: Stack,
    target: Target,
    options: TrainingOptions,
    should_stop: Callable[[], bool] = lambda: False,
) -> Trajectory:
    """Train every run of a stack from its start.

    Parameters
    ----------
    problem : Problem
        With samples where gradients are sampled.
    optimiser, scheme : what trains, and what drew ``start``
    runs : sequence of int
        Numbers of the runs, which with the seed decide their random numbers.
    start : list of arrays
    target : Target
    options : TrainingOptions
    should_stop : callable
        Asked between steps; the best so far is kept.

    Returns
    -------
    Trajectory
        Bit by bit the same for a run whatever stack it is trained in.
    """
    loss = stacked_loss(problem)
    if optimiser is Optimiser.LBFGS:
        return _line_searches(loss, start, target, options, should_stop)
    sampled = options.samples_gradients(optimiser)
    rates = _rates(problem, loss, optimiser, start, target, options)
    source = _sampled(problem, loss, optimiser, scheme, runs, options) if sampled else None
    run = _Run(loss, target, options, start)
    rule = _rule(loss, optimiser, options.unit)
    with np.errstate(over="ignore", invalid="ignore"):
        for number in range(options.steps):
            if should_stop():
                break
            if source is None:
                error, gradient = loss.gradient(run.parameters)
                run.note(number, error + loss.decay(run.parameters))
            else:
                gradient = source.at(number, run.parameters)
                if run.on_curve(number):
                    run.note(number, loss.of(run.parameters))
            slowed = rates * schedule(optimiser, number, options.steps)
            run.parameters = run.kept(rule.step(run.parameters, gradient, slowed[:, None, None], number))
        run.note(options.steps, loss.of(run.parameters))
        run.parameters = run.kept(run.parameters)
    return Trajectory(run.parameters, rates, run.losses, run.reached, run.diverged)


def schedule(optimiser: Optimiser, number: int, steps: int) -> float:
    """Factor of the learning rate: constant for gradient descent, else falling to zero over the second half."""
    return 1.0 if optimiser is Optimiser.GD else min(1.0, 2.0 * (1.0 - number / steps))


def _rule(loss: BatchedLoss, optimiser: Optimiser, unit: float) -> UpdateRule:
    if optimiser in (Optimiser.GD, Optimiser.SGD):
        return Descent(loss)
    return Adam(loss, decoupled=unit if optimiser is Optimiser.ADAMW else None)


def _rates(
    problem: Problem, loss: BatchedLoss, optimiser: Optimiser, start: Stack, target: Target, options: TrainingOptions
) -> FloatArray:
    runs = len(start[0])
    if options.learning_rate is not None:
        descent = optimiser in (Optimiser.GD, Optimiser.SGD)
        return np.full(runs, options.learning_rate * (options.unit if descent else 1.0))
    if optimiser in (Optimiser.ADAM, Optimiser.ADAMW):
        return np.full(runs, ADAM_RATE)
    if isinstance(loss, BatchedSampleLoss):
        return np.asarray(1.0 / loss.curvature_bound(start))
    layers, batch = problem.network.n_layers, options.batch_size if optimiser is Optimiser.SGD else 0
    # a chain of single neurons has the norms of the products of the balanced minimiser
    chain = [np.full((1, 1, 1), norm) for norm in target.layer_norms]
    at_minimum = curvature_bound(problem, chain, np.full(1, target.floor), batch)
    at_start = curvature_bound(problem, start[:layers], loss.of(start, decayed=False), batch)
    return 1.0 / np.maximum(at_start, at_minimum)


def _sampled(
    problem: Problem,
    loss: BatchedLoss,
    optimiser: Optimiser,
    scheme: Initialisation,
    runs: Sequence[int],
    options: TrainingOptions,
) -> SampledGradient:
    if problem.samples is None:
        raise ValueError("sampled gradients need the samples, not their moments alone")
    place = list(Initialisation).index(scheme)
    stream = 1 + list(Optimiser).index(optimiser)
    generators = [generator(options.seed, place, run, stream) for run in runs]
    gaussian = options.gaussian or (False,) * problem.network.n_layers
    source = SampledRows if isinstance(loss, BatchedSampleLoss) else SampledGradient
    return source(loss, problem.samples, options.batch_size, generators, gaussian)


class _Run:
    """A stack in training, and what is noted of it."""

    def __init__(self, loss: BatchedLoss, target: Target, options: TrainingOptions, start: Stack) -> None:
        runs = len(start[0])
        self.parameters = [array.copy() for array in start]
        self.target = target
        self.columns = {int(step): column for column, step in enumerate(curve_steps(options.steps))}
        self.losses = np.full((runs, len(self.columns)), np.nan)
        self.reached = np.full((runs, len(NEAR)), -1)
        self.diverged = np.zeros(runs, dtype=bool)
        self.ceiling = RUNAWAY * np.maximum(loss.of(start), target.zero_loss)

    def on_curve(self, step: int) -> bool:
        return step in self.columns

    def note(self, step: int, losses: FloatArray) -> None:
        self.diverged |= ~(losses <= self.ceiling)
        losses = np.where(self.diverged, np.nan, losses)
        if step in self.columns:
            self.losses[:, self.columns[step]] = losses
        gap = self.target.relative_gap(losses)
        for column, near in enumerate(NEAR):
            first = (gap <= near) & (self.reached[:, column] < 0)
            self.reached[first, column] = step

    def kept(self, parameters: Stack) -> Stack:
        """The parameters with diverged runs put to rest at zero."""
        if not self.diverged.any():
            return parameters
        alive = ~self.diverged[:, None, None]
        return [np.where(alive, array, 0.0) for array in parameters]


def _line_searches(
    loss: BatchedLoss, start: Stack, target: Target, options: TrainingOptions, should_stop: Callable[[], bool]
) -> Trajectory:
    runs = len(start[0])
    whole = _Run(loss, target, options, start)
    for run in range(runs):
        ended, losses = lbfgs(loss, [array[run : run + 1] for array in start], options.steps, should_stop)
        for array, end in zip(whole.parameters, ended, strict=True):
            array[run] = end[0]
        places = np.minimum(curve_steps(options.steps), losses.size - 1)
        whole.losses[run] = losses[places]
        gap = target.relative_gap(losses)
        for column, near in enumerate(NEAR):
            inside = np.flatnonzero(gap <= near)
            whole.reached[run, column] = inside[0] if inside.size else -1
    whole.diverged[:] = ~np.isfinite(norms_of(whole.parameters))
    return Trajectory(whole.parameters, np.zeros(runs), whole.losses, whole.reached, whole.diverged)
