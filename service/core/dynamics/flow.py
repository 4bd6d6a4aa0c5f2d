"""Gradient flow in segments: a state in, a state out, so that a job can stop and go on anywhere."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from service.core.arrays import FloatArray
from service.core.dynamics.flow_rates import Rates
from service.core.dynamics.flow_steps import smooth_steps, stepped_over_kinks
from service.core.ranks.setting import Setting
from service.core.ranks.snapshot import Snapshot, flatten, unflatten
from service.vocabulary import FlowStop, FlowTime, SkipKind

LONGEST_LOG_NORM: Final = 40.0
LONGEST_PLAIN: Final = 1e9
STATIONARY: Final = 1e-9
"""Gradient norm, relative to that at the start, below which a flow in plain time has arrived."""

ARRIVED: Final = 1e-9
"""Relative distance from the log loss asked for that counts as reached."""

SEGMENT: Final = 0.25
"""Log-norm time of one segment; in plain time segments double instead."""


@dataclass(frozen=True)
class FlowState:
    """Where a flow stands.

    Attributes
    ----------
    theta : (P,) array
        All weights, as `flatten` lays them out.
    time : float
    evaluations : int
        Gradients so far.
    segment : int
        Segments so far.
    first_gradient : float
        Gradient norm at the start.
    best_value : float
        Least value so far.
    since_progress : int
        Segments since it fell noticeably.
    stop : FlowStop or None
    """

    theta: FloatArray
    time: float
    evaluations: int
    segment: int
    first_gradient: float
    best_value: float
    since_progress: int
    stop: FlowStop | None


@dataclass(frozen=True, slots=True)
class Until:
    """When to stop: a log loss (log-norm time), and gradients in all."""

    log_loss: float = -1000.0
    evaluations: int = 400_000


def gaussian_start(setting: Setting, scale: float, seed: int) -> Snapshot:
    """Independent normal weights of deviation ``scale / sqrt(columns)``; biases zero, frozen layers as given."""
    rng = np.random.default_rng(seed)
    graph, network = setting.graph, setting.problem.network
    weights = []
    for layer, shape in zip(network.layers, graph.shapes, strict=True):
        drawn = scale / np.sqrt(shape[1]) * rng.normal(size=shape)
        weights.append(drawn if layer.frozen_weights is None else layer.frozen_weights)
    biases = tuple(np.zeros(row.width) if network.has_bias(index) else None for index, row in enumerate(network.layers))
    skips: list[FloatArray | None] = []
    for edge in graph.skips():
        source, target = graph.widths[edge.source], graph.widths[edge.target]
        drawn = scale / np.sqrt(source) * rng.normal(size=(target, source))
        is_diagonal = edge.kind is SkipKind.DIAGONAL
        skips.append(None if not edge.trained else drawn[:, 0] if is_diagonal else drawn)
    return Snapshot(tuple(weights), biases, tuple(skips))


def begin(setting: Setting, start: Snapshot) -> FlowState:
    """The state before the first segment; undefined at a start without gradient, such as zero weights."""
    rates, theta = Rates(setting, start), flatten(start)
    value, gradient = rates.log_loss(theta) if rates.time is FlowTime.LOG_NORM else rates.objective(theta)
    length = float(np.linalg.norm(gradient))
    stop = FlowStop.UNDEFINED if length == 0.0 else None
    return FlowState(theta, 0.0, 1, 0, length, value, 0, stop)


def advance(setting: Setting, like: Snapshot, state: FlowState, until: Until) -> FlowState:
    """One bounded segment further: up to a quarter of log-norm time, or twice as far as before in plain time.

    Parameters
    ----------
    setting : Setting
    like : Snapshot
        Shapes of the weights.
    state : FlowState
        Not ended.
    until : Until
    """
    rates = Rates(setting, like)
    is_log_norm = rates.time is FlowTime.LOG_NORM
    length = SEGMENT if is_log_norm else max(0.1 / max(state.first_gradient, 1e-12), state.time)
    steps = smooth_steps if setting.graph.is_linear else stepped_over_kinks
    theta, elapsed, evaluations = steps(rates, state.theta, length, until.log_loss)
    value, gradient = rates.log_loss(theta) if is_log_norm else rates.objective(theta)
    noticeable = 1e-4 * (1.0 + abs(state.best_value)) if is_log_norm else 0.0
    fell = value < state.best_value - noticeable
    following = FlowState(
        theta=theta,
        time=state.time + elapsed,
        evaluations=state.evaluations + evaluations + 1,
        segment=state.segment + 1,
        first_gradient=state.first_gradient,
        best_value=min(value, state.best_value),
        since_progress=0 if fell else state.since_progress + 1,
        stop=None,
    )
    stop = _stop(setting, rates, following, value, float(np.linalg.norm(gradient)), until)
    return replace(following, stop=stop)


def run(setting: Setting, start: Snapshot, until: Until) -> tuple[Sequence[FlowState], Sequence[Snapshot]]:
    """All segments to the end: states and snapshots, the start first."""
    states = [begin(setting, start)]
    while states[-1].stop is None:
        states.append(advance(setting, start, states[-1], until))
    return states, [unflatten(state.theta, start) for state in states]


def _stop(
    setting: Setting, rates: Rates, state: FlowState, value: float, gradient: float, until: Until
) -> FlowStop | None:
    if rates.time is FlowTime.LOG_NORM:
        if value <= until.log_loss + ARRIVED * abs(until.log_loss):
            return FlowStop.REACHED
        if gradient == 0.0 or state.since_progress >= 8 or state.time >= LONGEST_LOG_NORM:
            return FlowStop.STALLED
    elif gradient <= STATIONARY * state.first_gradient:
        hopeless = setting.labelled is not None and setting.separability.separable is False and setting.graph.is_linear
        return FlowStop.NOT_SEPARABLE if hopeless and not setting.is_decayed else FlowStop.STATIONARY
    elif state.time >= LONGEST_PLAIN:
        return FlowStop.STALLED
    return FlowStop.EFFORT if state.evaluations >= until.evaluations else None
