"""Targets far from ordinary size, divided by a power of two: the same problem, its losses times the square of it.

``y = 2^k y'`` turns weights ``W_l = 2^{e_l} W_l'`` with exponents that add up to k into the loss ``4^k`` times that of
``y'`` with decays ``2^{2 e_l - 2k} g_l``; noise multiplies and stays.  Derivation: ``docs/theory/extreme-inputs.md``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import frexp
from typing import Final

import numpy as np

from service.core.ground.conditioning import size_of_targets
from service.core.ground.data.conditioned import Moments, moments_of_factor
from service.core.ground.problems import Network, Problem
from service.vocabulary import Activation, Loss, SkipKind

ORDINARY: Final = 100
"""Targets between ``2^-100`` and ``2^100``, about 1e30, are computed with as they are."""
LEAST_DECAY: Final = -970
"""Exponent that a decay must keep in other units, so that it loses no digit."""
GREATEST_DECAY: Final = 480
"""Exponent up to which a decay is computed with."""
CUT_DECAY: Final = 300
"""Exponent to which decays beyond that are cut; zero is the minimum beside them for data of ordinary size."""
HOMOGENEOUS: Final = (Activation.LINEAR, Activation.RELU, Activation.LEAKY_RELU)
"""Activations that multiply by a power of two what was multiplied by it."""
TOO_FAR: Final = 330
"""Exponent of targets, in the units that decays allow, beyond which these units do not help."""


@dataclass(frozen=True)
class Exponents:
    """Powers of two by which a problem is measured.

    Attributes
    ----------
    targets : int
        k.
    layers : tuple of int
        That of each weight matrix; their sum is that of the targets.
    cut : int
        Power by which all decays were divided beside that, because they are beyond double precision; mostly 0.
    """

    targets: int
    layers: tuple[int, ...]
    cut: int = 0

    @property
    def losses(self) -> int:
        """Of losses."""
        return 2 * self.targets

    def reached(self, layers: int) -> int:
        """Of the output of so many layers."""
        return sum(self.layers[:layers])

    @property
    def weights(self) -> int | None:
        """Of all weights that are trained, where that is one number."""
        own = {each for each in self.layers if each}
        return own.pop() if len(own) == 1 else None

    def __neg__(self) -> "Exponents":
        return Exponents(-self.targets, tuple(-each for each in self.layers), -self.cut)


@dataclass(frozen=True)
class ScaledTargets:
    """A problem, and the same one with targets of ordinary size."""

    problem: Problem
    exponents: Exponents
    inside: Problem

    @property
    def is_cut(self) -> bool:
        """Whether decays inside are less than they are, so that its answer holds for zero alone."""
        return self.exponents.cut > 0


def scaled_targets(problem: Problem) -> ScaledTargets | None:
    """The problem with targets of ordinary size; None where they are, or where no exact change of units is known.

    Notes
    -----
    For squared errors, weighted or not.  Skips that are identities, and frozen layers, keep the units on both of their
    sides: only layers that neither closes share the power.
    """
    if problem.moments is None or problem.loss not in (Loss.SQUARED, Loss.WEIGHTED_SQUARED):
        return None
    size = size_of_targets(problem.data)
    if size is None or abs(size) <= ORDINARY:
        return None
    if any(layer.activation not in HOMOGENEOUS for layer in problem.network.layers):
        return None
    exponents = _exponents(problem.network, size)
    if exponents is None:
        return None
    network = _network(problem.network, exponents)
    samples = problem.samples
    inside = replace(
        problem,
        network=network,
        moments=_moments(problem.data, exponents.targets),
        samples=None if samples is None else replace(samples, y=np.ldexp(samples.y, -exponents.targets)),
        evaluation=None if problem.evaluation is None else _moments(problem.evaluation, exponents.targets),
    )
    return ScaledTargets(problem, exponents, inside)


def _exponents(network: Network, size: int) -> Exponents | None:
    if any(skip.kind is SkipKind.CONCATENATE for skip in network.skips):
        return None
    closed = set(_closed(network))
    shared = [index for index in range(network.n_layers) if index not in closed]
    if not shared:
        return None

    def split(power: int) -> Exponents:
        each = int(power / len(shared))
        return Exponents(each * len(shared), tuple(0 if index in closed else each for index in range(network.n_layers)))

    found = split(size)
    decays = list(_decays(network, found))
    if not any(shift for _, shift in decays):
        return found
    # decays shrink beside large targets and grow beside small ones, in proportion to the power
    each = [(exponent, -shift / found.targets) for exponent, shift in decays if shift]
    if size > 0:
        found = split(min([size, *(int((exponent - LEAST_DECAY) / rate) for exponent, rate in each)]))
        return found if found.targets > 0 and size - found.targets <= TOO_FAR else None
    near = split(max([size, *(-int(max(GREATEST_DECAY - exponent, 0) / rate) for exponent, rate in each)]))
    if near.targets - size <= TOO_FAR:
        return near if _least(network, near) >= LEAST_DECAY else None
    cut = replace(found, cut=max(exponent + shift for exponent, shift in decays) - CUT_DECAY)
    return cut if _least(network, found) - cut.cut >= LEAST_DECAY else None


def _least(network: Network, exponents: Exponents) -> int:
    return min(exponent + shift for exponent, shift in _decays(network, exponents))


def _closed(network: Network) -> Iterator[int]:
    """Layers whose weights have no units of their own."""
    yield from (index for index, layer in enumerate(network.layers) if layer.frozen_weights is not None)
    for skip in network.skips:
        if skip.kind is SkipKind.IDENTITY:
            yield from range(skip.source, skip.target)


def _decays(network: Network, exponents: Exponents) -> Iterator[tuple[int, int]]:
    """Each positive decay as the exponent that it has, and what other units add to it."""
    layers = (layer.weight_decay for layer in network.layers)
    skips = (skip.weight_decay for skip in network.skips)
    places = (_of_layers(exponents), _of_skips(network, exponents), _of_biases(exponents))
    for values, shifts in zip((layers, skips, network.bias_weight_decays), places, strict=True):
        for value, shift in zip(values, shifts, strict=False):
            if value > 0.0:
                yield frexp(value)[1], 2 * shift - exponents.losses


def _of_layers(exponents: Exponents) -> Sequence[int]:
    return exponents.layers


def _of_biases(exponents: Exponents) -> Sequence[int]:
    return [exponents.reached(index + 1) for index in range(len(exponents.layers))]


def _of_skips(network: Network, exponents: Exponents) -> Sequence[int]:
    return [exponents.reached(skip.target) - exponents.reached(skip.source) for skip in network.skips]


def exponents_of_parameters(
    network: Network, exponents: Exponents
) -> tuple[Sequence[int], Sequence[int], Sequence[int]]:
    """Powers of two of the weights, the biases and the weights of skips."""
    return _of_layers(exponents), _of_biases(exponents), _of_skips(network, exponents)


def _network(network: Network, exponents: Exponents) -> Network:
    def decay(value: float, shift: int) -> float:
        return float(np.ldexp(value, 2 * shift - exponents.losses - exponents.cut))

    layers, biases, skips = exponents_of_parameters(network, exponents)
    return replace(
        network,
        layers=tuple(
            replace(layer, weight_decay=decay(layer.weight_decay, shift))
            for layer, shift in zip(network.layers, layers, strict=True)
        ),
        bias_weight_decays=tuple(
            decay(value, shift) for value, shift in zip(network.bias_weight_decays, biases, strict=False)
        ),
        skips=tuple(
            replace(skip, weight_decay=decay(skip.weight_decay, shift))
            for skip, shift in zip(network.skips, skips, strict=True)
        ),
    )


def _moments(data: Moments, power: int) -> Moments:
    """Moments of targets divided by ``2^power``."""
    factor = data.factor
    if factor is not None:
        # a constant column has scale 1, whatever its size
        moved = np.concatenate((np.zeros(factor.inputs, dtype=int), np.full(factor.outputs, power)))
        moved[~factor.r.any(axis=0)] = 0
        scaled = replace(factor, y_mean=np.ldexp(factor.y_mean, -power), scale=np.ldexp(factor.scale, -moved))
        return moments_of_factor(scaled)
    return moments_with_targets(data, power)


def moments_with_targets(data: Moments, power: int) -> Moments:
    """Moments without a factor, of targets divided by ``2^power``."""
    return replace(
        data,
        xy=np.ldexp(data.xy, -power),
        yy=float(np.ldexp(data.yy, -2 * power)),
        y_mean=None if data.y_mean is None else np.ldexp(data.y_mean, -power),
    )
