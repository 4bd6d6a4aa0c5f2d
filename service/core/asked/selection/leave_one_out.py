"""Errors on each sample by the minimum without it, for all samples and many values at once.

One Newton step from the minimum of all samples, by one inverse of the Hessian and the matrix inversion lemma: exact
without a hidden layer, where the objective is quadratic, else approximate.  Where the step cannot be trusted nothing is
returned.  Derivation: ``docs/theory/selection.md``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from service.core.asked.selection.jumps import Rival, may_change_places
from service.core.asked.selection.noisy_inputs import shifts
from service.core.asked.selection.response import Minimisers
from service.core.asked.selection.shown import Held, Shown
from service.core.ground.numbers.arrays import BoolArray, FloatArray, IntArray
from service.vocabulary import Bias

NUMBERS: Final = 32_768
"""Numbers of one array of values by samples that are held at once."""
FULL_LEVERAGE: Final = 1e-9
"""What is left of the curvature without a sample, as a share, at which the sample alone decides a direction."""
FAR: Final = 0.7
"""Share of the norm of the map by which one sample may move it, for a Newton step to be trusted."""

TRUSTED, LEVERAGE, JUMP, MOVED, BEYOND = range(5)
REASONS: Final = {
    LEVERAGE: "one sample alone determines a direction of the map: without it, and without decay, nothing does",
    JUMP: "without some sample another minimum may be the global one: a step from this one would not find it",
    BEYOND: "the error, or what decides it, leaves the range of double precision",
    MOVED: "one sample moves the map by more than 0.7 of its norm: a step is too short to say what is there",
}


@dataclass(frozen=True)
class LeftOut:
    """Mean squared errors (m,) on samples left out, and what may keep each from being trusted (m,)."""

    error: FloatArray
    doubt: IntArray


def left_out(held: Held, found: Minimisers, log_noise: FloatArray, rival: Rival | None) -> LeftOut:
    """Errors on samples left out.

    Parameters
    ----------
    held : Held
    found : Minimisers
        Of all samples.
    log_noise : (m,) array
        log C of the hidden noise.
    rival : Rival or None
        Another local minimum, with which a deletion may change places.

    Notes
    -----
    O(m n d) in products of matrices.
    """
    m, shown = found.norms.size, Shown(held, found.vectors)
    error, doubt = np.empty(m), np.full(m, TRUSTED)
    noise = np.expm1(np.minimum(log_noise, 690.0))
    step = max(1, NUMBERS // shown.n)
    for start in range(0, m, step):
        part = np.arange(start, min(start + step, m))
        block = _Block(shown, found.taken(part), noise[part])
        error[part], doubt[part] = block.error, block.doubt()
        if rival is not None:
            own = Rival(rival.minimisers.taken(part), rival.excess[part])
            changes = may_change_places(shown, block.found, block.missed, block.noise, own)
            doubt[part[changes & (doubt[part] != LEVERAGE)]] = JUMP
    beyond = ~np.isfinite(error)
    doubt[beyond] = BEYOND
    return LeftOut(np.where(beyond, 0.0, error), doubt)


class _Block:
    """Some values, all samples: arrays (values, samples)."""

    def __init__(self, shown: Shown, found: Minimisers, noise: FloatArray) -> None:
        held = shown.held
        self.shown, self.found, self.noise = shown, found, noise
        self.kept, self.weight = shown.kept, shown.weight
        self.missed = shown.missed(found.maps)
        # the decay beside the others: as it was beside their mean, or grown where errors are added
        self.inverse = found.inverse(self.kept, self.kept if held.summed else 1.0)
        pulled = np.zeros(found.norms.size) if held.summed else -self.weight * found.ridges * found.norms
        self.pulled = (pulled / self.inverse.curvature)[:, None]
        self.noisy = bool(self.noise.any())
        self.along = self.inverse.along(shown.rows)
        self.beside = self.inverse.along(shown.noisy) if self.noisy else self.along
        leverages = list(self._leverages())
        shift, self.left = self._moved(leverages)
        if held.input_noise:
            shift = shifts(shown, found, noise, self.missed)
        shift += self.missed
        self.error = np.vecdot(shift, shift) / shown.n

    def _leverages(self) -> Iterator[FloatArray]:
        """``p'Bp``, and with noise ``p'Bq`` and ``q'Bq`` times the root of C - 1 and itself; arrays of their own."""
        shown, inverse, bias = self.shown, self.inverse, self.shown.held.bias
        first = inverse.between(shown.own, self.along, self.along)
        if bias is not Bias.NONE:
            first += 1.0 / self.kept
        yield first.copy() if self.noisy else first
        if not self.noisy:
            return
        root = np.sqrt(self.noise)[:, None]
        if bias is Bias.NONE:
            # the same row twice
            yield first * root
            yield first * root * root
            return
        yield inverse.between(shown.cross, self.along, self.beside) * root
        last = inverse.between(shown.last, self.beside, self.beside) * root * root
        # a hidden bias follows the mean of what the noise multiplies, whatever the noise is
        yield last + (1.0 / self.kept if bias is Bias.ALL else 0.0)

    def _moved(self, leverages: list[FloatArray]) -> tuple[FloatArray, FloatArray]:
        """How far each left-out prediction moves, and the least share of curvature that a deletion leaves."""
        shown, k = self.shown, self.weight
        first = leverages[0]
        first *= k
        right = first * self.missed
        if not shown.held.summed:
            right -= self.pulled * self.along
        if not self.noisy:
            left = 1.0 - first
            right /= np.maximum(left, FULL_LEVERAGE)
            return right, left
        cross, last = leverages[1], leverages[2]
        root = np.sqrt(self.noise)[:, None]
        heard = root * (self.found.maps @ shown.noisy.T)
        right += k * cross * heard
        below = k * (cross * self.missed + last * heard) - self.pulled * root * self.beside
        one, other, both = 1.0 - first, 1.0 - k * last, k * cross
        left = one * other - both * both
        return (other * right + both * below) / np.maximum(left, FULL_LEVERAGE), left

    def doubt(self) -> IntArray:
        """Why a step from these minima cannot be trusted, if it cannot."""
        found, inverse = self.found, self.inverse
        doubt = np.full(found.norms.size, TRUSTED)
        if found.power < 2.0:
            step = self.missed / np.maximum(self.left, FULL_LEVERAGE)
            step *= step
            step *= inverse.square(self.shown.rows, self.shown.own, self.along)
            longest = self.weight * np.sqrt(step.max(axis=1))
            far = (longest > FAR * found.norms) & (found.norms > 0.0)
            doubt[far | ~(inverse.curvature > 0.0)] = MOVED
            doubt[self._leaves_zero()] = MOVED
        doubt[~(self.left.min(axis=1) > FULL_LEVERAGE)] = LEVERAGE
        return doubt

    def _leaves_zero(self) -> BoolArray:
        """Where one hidden layer is silent, and would not be without some sample: ``|a|`` beyond the decay there."""
        found, shown = self.found, self.shown
        if found.power != 1.0 or not found.stuck.any():
            return np.zeros(found.norms.size, dtype=np.bool_)
        free = shown.held.bias is not Bias.NONE
        products = shown.rows * shown.y[:, None]
        alone = products * (self.kept if free else 1.0)
        without = np.linalg.norm(products.sum(axis=0) - alone, axis=1).max() * self.weight
        decay = found.decays * (self.kept if shown.held.summed else 1.0)
        leaves: BoolArray = found.stuck & (without > decay)
        return leaves
