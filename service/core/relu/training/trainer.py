"""Training by column generation: units that are missing go in, Newton's method settles them, what is spare goes out."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.stopping import should_stop
from service.core.relu.networks import HiddenUnits, Objective
from service.core.relu.training.ascents import ascents, missing
from service.core.relu.training.lengths import relengthened
from service.core.relu.training.newton import settled
from service.core.relu.training.polishing import polished
from service.core.relu.training.trimming import distinct, merged, narrowed, pruned

_ROUNDS: Final = 30
_FIRST: Final = 8
_LATER: Final = 25
"""Units of one sign that go in at once, before and after an exact search has found some."""
_POOL: Final = 400
_MANY: Final = 20
"""Units of the first network."""
_LOOSE: Final = 1e-9
_TIGHT: Final = 1e-13
_NEAR_END: Final = 1e-4
_KINK: Final = 0.02
_WIDTHS: Final = (0.1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
"""Widths of kinks that are trained first, over the loss of a sample."""
_GAIN: Final = 1e-3
"""Share of the gap from which a gain is worth another search at once."""


@dataclass(slots=True)
class Trainer:
    """A network that only becomes better.

    Parameters
    ----------
    objective : Objective
    tolerance : float
        Relative gap that is wanted in the end; smaller gains do not count.
    units : HiddenUnits or None
        Where to start; by default the best network without units.
    pool : (k, d) array or None
        Directions that an exact search has found, from which local searches start as well.
    seed : int
    """

    objective: Objective
    tolerance: float
    units: HiddenUnits | None = None
    pool: FloatArray | None = None
    seed: int = 0
    network: HiddenUnits = field(init=False)
    value: float = field(init=False)
    known: FloatArray = field(init=False)
    _begun: bool = field(default=False, init=False, repr=False)
    _widths: tuple[float, ...] = field(default=(), init=False, repr=False)

    def __post_init__(self) -> None:
        """Start from what is known."""
        if self.objective.loss.has_kinks:
            # errors at a kink are those of a kink so narrow that it costs little of the gap
            each = self.objective.value(self.objective.nothing) / len(self.objective.x)
            narrow = self.objective.loss.smoothed(_KINK * self.tolerance * each)
            self.objective = replace(self.objective, loss=narrow)
            if self.units is None:
                self._widths = tuple(share * each for share in _WIDTHS)
        problem = self.objective
        start = problem.nothing if self.units is None else self.units
        if not len(start) and problem.free.shape[1]:
            start = settled(problem, start, 1.0, should_stop)
        self.network, self.value = start, problem.value(start)
        self.known = np.zeros((0, problem.x.shape[1])) if self.pool is None else self.pool

    @property
    def above(self) -> float:
        """Correlation from which a unit is missing."""
        return self.objective.beta * (1.0 + 0.3 * self.tolerance)

    def errors(self) -> FloatArray:
        """The errors (n,) of the network, not correlated with what is free."""
        return self.objective.admissible(self.objective.errors(self.network))

    def train(self, gap: float = 1.0) -> None:
        """Take every step of `steps`."""
        for _ in self.steps(gap):
            pass

    def steps(self, gap: float = 1.0) -> Iterator[None]:
        """Insert what local searches find, until they find nothing or nothing is gained; ``gap`` is the gap so far.

        A loss with kinks is approached from smooth ones, each trained from the network before.
        """
        narrow = self.objective
        widths, self._widths = self._widths, ()
        for width in widths:
            self._under(replace(narrow, loss=narrow.loss.smoothed(width)))
            for _ in self._steps(gap):
                pass
        self._under(narrow)
        yield
        yield from self._steps(gap)

    def _under(self, objective: Objective) -> None:
        self.objective, self.value = objective, objective.value(self.network)

    def _steps(self, gap: float) -> Iterator[None]:
        rng = np.random.default_rng(self.seed)
        if not self._begun:
            self._begin(rng)
            yield
        for _ in range(_ROUNDS):
            if should_stop():
                return
            starts = np.concatenate([self.network.w, self.known])
            directions, signs, _ = missing(self.objective, self.errors(), starts, self.above, rng)
            before = self.value
            if not len(signs):
                if self._is_stationary() or not self._refined(gap):
                    return
                continue
            self._insert(directions, signs, _LATER if len(self.known) else _FIRST, gap)
            yield
            if self.value >= before - 1e-2 * self.tolerance * abs(before):
                return

    def _begin(self, rng: np.random.Generator) -> None:
        """Train many random units at once: they reach better networks than units that come one after the other."""
        self._begun = True
        problem = self.objective
        if len(self.network) or not problem.x.shape[1]:
            return
        w = rng.standard_normal((_MANY, problem.x.shape[1]))
        signs = np.where(np.arange(_MANY) % 2, 1.0, -1.0)
        used = relengthened(problem, self.network.joined(1e-3 * self._amplitude(w[0]) * w, signs))
        size = float(used.lengths.mean()) / np.sqrt(w.shape[1])
        spread = HiddenUnits(used.w + 0.5 * size * rng.standard_normal(w.shape), signs, used.free)
        trained = merged(problem, settled(problem, spread, 1.0, should_stop), _LOOSE)
        trained = pruned(relengthened(problem, polished(problem, trained, _LOOSE)))
        value = problem.value(trained)
        if value < self.value:
            self.network, self.value = trained, value

    def insert(self, directions: FloatArray, signs: FloatArray, errors: FloatArray, gap: float) -> None:
        """Insert units (m, d), with signs (m,), that an exact search has found for errors (n,); then train."""
        improved = directions.copy()
        values = np.zeros(len(signs))
        for sign in (1.0, -1.0):
            mine = signs == sign
            if mine.any():
                improved[mine], values[mine] = ascents(self.objective, sign * errors, directions[mine])
        order = np.argsort(-values, kind="stable")
        improved, signs = improved[order], signs[order]
        self.known = distinct(self.objective, np.concatenate([improved, self.known]), 0.999, _POOL)
        self._insert(improved, signs, _LATER, gap)
        self.train(gap)

    def _insert(self, directions: FloatArray, signs: FloatArray, most: int, gap: float) -> None:
        """Add directions and settle them; a network that is no better gives way to one with less rounding."""
        problem, units = self.objective, self.network
        cosine = 0.999 if most > _FIRST else 0.98
        new = [distinct(problem, directions[signs == sign], cosine, most) for sign in (1.0, -1.0)]
        w = np.concatenate(new)
        scale = float(units.lengths.mean()) if len(units) else self._amplitude(w[0])
        added = units.joined(1e-3 * scale * w, np.repeat([1.0, -1.0], [len(part) for part in new]))
        added = pruned(relengthened(problem, added))
        loose = _LOOSE if gap > _NEAR_END else _TIGHT
        first = 1.0 if not len(units) else min(0.1, max(1e-4, gap))
        before, enough = self.value, _GAIN * min(gap, 1.0) * abs(self.value)
        # with little rounding a good network is only touched up; with much it is trained anew
        for rounding in (first, 0.1 * first, 0.01 * first, 0.001 * first, 1.0):
            trained = merged(problem, settled(problem, added, rounding, should_stop), loose)
            trained = pruned(relengthened(problem, polished(problem, trained, loose)))
            if len(trained) > len(problem.x):
                trained = narrowed(problem, trained)
            value = problem.value(trained)
            if value < self.value:
                self.network, self.value = trained, value
            if self.value < before - enough or should_stop():
                return
        if self.value < before:
            return
        self._step(w, np.repeat([1.0, -1.0], [len(part) for part in new]), loose)

    def _is_stationary(self) -> bool:
        """Whether each unit's correlation is beta, and what is free is not correlated with the errors."""
        problem, units = self.objective, self.network
        errors = problem.errors(units)
        ends = problem.features(units.w) * units.signs / np.maximum(units.lengths, 1e-300)
        off = np.abs(errors @ ends - problem.beta).max(initial=0.0) / problem.beta
        along = np.abs(problem.free.T @ errors - 2.0 * problem.ridge * units.free)
        size = np.abs(problem.free).T @ np.abs(errors)
        return bool(off <= self.tolerance and (along <= self.tolerance * size).all())

    def _refined(self, gap: float) -> bool:
        """Train the present units alone; whether the objective fell."""
        problem, before = self.objective, self.value
        loose = _LOOSE if gap > _NEAR_END else _TIGHT
        for rounding in (1e-3, 1e-1, 1.0):
            trained = polished(problem, settled(problem, self.network, rounding, should_stop), loose)
            trained = pruned(relengthened(problem, trained))
            value = problem.value(trained)
            if value < self.value:
                self.network, self.value = trained, value
        return self.value < before - 1e-3 * self.tolerance * abs(before)

    def _step(self, w: FloatArray, signs: FloatArray, loose: float) -> None:
        """Add one unit after the other at its best length: each lowers the objective, if only a little."""
        problem = self.objective
        units, value = self.network, self.value
        for direction, sign in zip(w, signs, strict=True):
            length = _best_length(problem, units, direction, float(sign))
            grown = units.joined(length * direction[None], np.array([sign]))
            reached = problem.value(grown)
            if reached < value:
                units, value = grown, reached
        if value < self.value:
            polish = polished(problem, merged(problem, units, loose), loose)
            better = problem.value(polish) <= value
            self.network, self.value = (polish, problem.value(polish)) if better else (units, value)
            if len(self.network) > len(problem.x):
                self._narrow()

    def _narrow(self) -> None:
        """Fewer units with the same predictions, if rounding does not cost more than it is worth."""
        fewer = narrowed(self.objective, self.network)
        value = self.objective.value(fewer)
        if value <= self.value + 1e-3 * self.tolerance * abs(self.value):
            self.network, self.value = fewer, value

    def _amplitude(self, w: FloatArray) -> float:
        """Length at which one unit alone fits the errors."""
        feature = self.objective.features(w[None])[:, 0]
        square = float(feature @ feature)
        return abs(float(self.errors() @ feature)) / square if square > 0.0 else 1.0


def _best_length(objective: Objective, units: HiddenUnits, direction: FloatArray, sign: float) -> float:
    """Length of a unit that lowers the objective most, by bisection of its slope: the objective is convex in it."""
    predictions = objective.predictions(units)
    feature = sign * objective.features(direction[None])[:, 0]

    def slope(length: float) -> float:
        return float(objective.loss.slope(predictions + length * feature) @ feature) + objective.beta

    high = 1e-8
    while slope(high) < 0.0 and high < 1e12:
        high *= 4.0
    low = 0.0
    for _ in range(40):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if slope(middle) < 0.0 else (low, middle)
    return low
