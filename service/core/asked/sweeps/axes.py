"""What a sweep varies: axes of values, the problem at one point of them, and the numbers that the values change."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Network, Problem
from service.vocabulary import SweepParameter

ORDER: Final = (
    SweepParameter.DEPTH,
    SweepParameter.WEIGHT_DECAY,
    SweepParameter.NOISE_VARIANCE,
    SweepParameter.WIDTH,
    SweepParameter.DECAY_SCALE,
)
"""Order in which several changes are made: a factor of the decays multiplies a decay that is varied too."""

DECAYS: Final = (SweepParameter.DECAY_SCALE, SweepParameter.WEIGHT_DECAY)
"""Parameters that act through the decays."""
LARGEST_LOG: Final = 700.0
"""A logarithm whose exponential, times numbers of ordinary size, stays in double precision."""


@dataclass(frozen=True, slots=True)
class Axis:
    """Values of one parameter.

    Attributes
    ----------
    parameter : SweepParameter
        ``decay_scale`` multiplies all decays; ``weight_decay`` is that of one layer, or common to all;
        ``noise_variance`` and ``width`` are common to all hidden layers; ``depth`` counts hidden layers.
    values : (m,) array
        Finite and >= 0; whole and >= 1 for a width, whole for a depth.
    layer : int, optional
        0-based, for ``weight_decay`` only; none for all layers.
    """

    parameter: SweepParameter
    values: FloatArray
    layer: int | None = None


@dataclass(frozen=True, slots=True)
class SweptSettings:
    """What the values change: logarithms of C and of every decay, shape (m,) and (m, layers)."""

    log_factor: FloatArray
    log_decays: FloatArray


def varied(problem: Problem, axes: Sequence[Axis], index: int) -> Problem:
    """The problem at entry ``index`` of every axis."""
    network = problem.network
    for axis in sorted(axes, key=lambda axis: ORDER.index(axis.parameter)):
        network = _varied_network(network, axis, float(axis.values[index]))
    return replace(problem, network=network)


def with_depth(network: Network, depth: int) -> Network:
    """The network with ``depth`` hidden layers: the first ones are kept, more are copies of the last hidden one.

    Raises
    ------
    ValueError
        If there is no hidden layer to copy.
    """
    missing = depth - network.n_hidden
    if missing > 0 and not network.n_hidden:
        raise ValueError("a network without a hidden layer has none to copy")
    places = [min(index, network.n_hidden - 1) for index in range(depth)] + [network.n_hidden]
    decays = network.bias_weight_decays
    return replace(
        network,
        layers=tuple(network.layers[place] for place in places),
        bias_weight_decays=tuple(decays[place] for place in places) if decays else (),
    )


def _varied_network(network: Network, axis: Axis, value: float) -> Network:
    if axis.parameter is SweepParameter.DEPTH:
        return with_depth(network, round(value))
    hidden_only = axis.parameter in (SweepParameter.NOISE_VARIANCE, SweepParameter.WIDTH)
    layers = list(network.layers)
    for index in range(network.n_layers - hidden_only):
        if axis.layer is None or axis.layer == index:
            layers[index] = _varied_layer(layers[index], axis.parameter, value)
    return replace(network, layers=tuple(layers))


def _varied_layer(layer: Layer, parameter: SweepParameter, value: float) -> Layer:
    if parameter is SweepParameter.DECAY_SCALE:
        return replace(layer, weight_decay=layer.weight_decay * value)
    if parameter is SweepParameter.WEIGHT_DECAY:
        return replace(layer, weight_decay=value)
    if parameter is SweepParameter.NOISE_VARIANCE:
        return replace(layer, noise_variance=value)
    return replace(layer, width=round(value))


def settings_of(network: Network, axes: Sequence[Axis]) -> SweptSettings:
    """Noise factor and decays at every entry of the axes, which have equal lengths and vary no depth."""
    m = axes[0].values.size
    columns = {axis.parameter: axis for axis in axes}
    with np.errstate(divide="ignore"):
        log_decays = np.repeat(np.log(network.weight_decays)[None, :], m, axis=0)
        decay = columns.get(SweepParameter.WEIGHT_DECAY)
        if decay is not None:
            chosen = slice(None) if decay.layer is None else slice(decay.layer, decay.layer + 1)
            log_decays[:, chosen] = np.log(decay.values)[:, None]
        scale = columns.get(SweepParameter.DECAY_SCALE)
        if scale is not None:
            log_decays += np.log(scale.values)[:, None]
    return SweptSettings(np.log1p(noise_rates(network, axes)).sum(axis=1), log_decays)


def noise_rates(network: Network, axes: Sequence[Axis]) -> FloatArray:
    """Variance over width of every hidden layer, shape (m, n_hidden)."""
    m = axes[0].values.size
    columns = {axis.parameter: axis.values for axis in axes}
    noise, width = columns.get(SweepParameter.NOISE_VARIANCE), columns.get(SweepParameter.WIDTH)
    variances = network.noise_variances[None, :] if noise is None else noise[:, None]
    widths = np.array(network.hidden_widths, dtype=float)[None, :] if width is None else np.round(width)[:, None]
    rates: FloatArray = np.broadcast_to(variances / widths, (m, network.n_hidden))
    return rates


def positions(axes: Sequence[Axis], start: int, stop: int) -> tuple[Axis, ...]:
    """Points ``start`` to ``stop`` of the grid that the axes span, the last axis running fastest."""
    shape = tuple(axis.values.size for axis in axes)
    places = np.unravel_index(np.arange(start, stop), shape)
    return tuple(replace(axis, values=axis.values[place]) for axis, place in zip(axes, places, strict=True))


def corners(axes: Sequence[Axis]) -> tuple[Axis, ...]:
    """All combinations of the ends of each axis between which the effective decay of its decayed points lies."""
    ends = [replace(axis, values=_ends(axis)) for axis in axes]
    return positions(ends, 0, 2 ** len(ends))


def _ends(axis: Axis) -> FloatArray:
    """Least and greatest value; of decays the least positive one, since nothing is decayed where a factor is zero."""
    values = axis.values
    if axis.parameter in DECAYS and np.any(values > 0.0):
        values = values[values > 0.0]
    return np.array([values.min(), values.max()])
