"""The certified loop: a network by Newton's method, the largest correlation of its errors by branch and bound.

Either no unit is correlated with the errors by more than beta, which proves the minimum, or the units that are go into
the network.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.relu.ascents import missing
from service.core.relu.cones import Cones
from service.core.relu.dual import DualBound, dual_bound
from service.core.relu.networks import Objective, Units
from service.core.relu.newton import settled
from service.core.relu.polishing import polished
from service.core.relu.rows import Span
from service.core.relu.search import ConeSearch, Largest
from service.core.relu.trimming import distinct, merged, narrowed

ENOUGH: Final = 100
"""Missing units that end a search early, since the network changes anyway."""
_A_SIGN: Final = 25
_POOL: Final = 400
_LOOSE: Final = 1e-9
_TIGHT: Final = 1e-13
_NEAR_END: Final = 1e-4


@dataclass(slots=True)
class Found:
    """The best network and the best bound so far, which stay apart: either may come from another round."""

    units: Units
    value: float
    dual: DualBound
    cones: int = 0
    rounds: int = 0

    @property
    def gap(self) -> float:
        """``(value - bound) / |value|``."""
        return (self.value - self.dual.bound) / max(abs(self.value), 1e-300)


@dataclass(slots=True)
class Loop:
    """A search that improves network and bound in turn.

    Parameters
    ----------
    objective : Objective
    tolerance : float
        Relative gap at which it ends.
    should_stop : callable
    seed : int
    """

    objective: Objective
    tolerance: float = 1e-6
    should_stop: Callable[[], bool] = lambda: False
    seed: int = 0
    found: Found = field(init=False)
    span: Span = field(init=False)
    rng: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        """Start with the network without units and the bound of no errors."""
        problem = self.objective
        self.rng = np.random.default_rng(self.seed)
        self.span = Span.of(problem.x)
        self._pool = np.zeros((0, problem.x.shape[1]))
        units = self._constant()
        zero = np.zeros(len(problem.x))
        self.found = Found(units, problem.value(units), dual_bound(problem, zero, 0.0))

    def _constant(self) -> Units:
        """The best network without units."""
        problem = self.objective
        return settled(problem, problem.nothing, 1.0, lambda: False) if problem.free.shape[1] else problem.nothing

    def run(self) -> Found:
        """Until the gap is closed or the caller stops."""
        for found in self.improvements():
            if found.gap <= self.tolerance or self.should_stop():
                break
        return self.found

    def improvements(self) -> Iterator[Found]:
        """What is known after each round."""
        self.train()
        yield self.found
        while not self.should_stop():
            before, slack = self.found.value, self._slack
            complete = self.prove()
            yield self.found
            if self.found.gap <= self.tolerance:
                return
            tighter = not complete or self._slack < slack
            if not self.insert() and not tighter:
                return
            yield self.found
            if complete and self.found.value >= before and not tighter:
                return

    # -- network -------------------------------------------------------------------------------------------------

    def train(self) -> None:
        """Units that a heuristic search finds, until it finds none."""
        for _ in range(30):
            if self.should_stop():
                return
            problem, units = self.objective, self.found.units
            errors = self._errors(units)
            known = np.concatenate([units.w, self._pool])
            above = problem.beta * (1.0 + 0.3 * self.tolerance)
            directions, signs, values = missing(problem, errors, known, above, self.rng)
            if not len(values):
                return
            before = self.found.value
            self._insert(directions, signs, _A_SIGN if len(self._pool) else 8)
            if self.found.value >= before - 1e-2 * self.tolerance * abs(before):
                return

    def insert(self) -> bool:
        """Units that the last search found; whether there were any."""
        if not len(self._signs):
            return False
        directions, values = [], []
        for sign in (1.0, -1.0):
            mine = self._directions[self._signs == sign]
            if len(mine):
                from service.core.relu.ascents import ascents

                improved, reached = ascents(self.objective, sign * self._seen, mine)
                directions.append((improved, np.full(len(mine), sign), reached))
        joined, signs, values = (np.concatenate(parts) for parts in zip(*directions, strict=True))
        order = np.argsort(-values, kind="stable")
        joined, signs = joined[order], signs[order]
        self._pool = distinct(np.concatenate([joined, self._pool]), 0.999, _POOL)
        self._insert(joined, signs, _A_SIGN)
        self.train()
        return True

    def _insert(self, directions: FloatArray, signs: FloatArray, most: int) -> None:
        """Add directions and train; a network that is no better is dropped for one with less rounding."""
        problem, units = self.objective, self.found.units
        cosine = 0.999 if most > 8 else 0.98
        new = [distinct(directions[signs == sign], cosine, most) for sign in (1.0, -1.0)]
        w = np.concatenate(new)
        scale = float(units.lengths.mean()) if len(units) else self._amplitude(w[:1])
        added = units.joined(1e-3 * scale * w, np.concatenate([np.full(len(one), s) for one, s in zip(new, (1.0, -1.0), strict=True)]))
        loose = _LOOSE if self.found.gap > _NEAR_END else _TIGHT
        rounding = 1.0 if not len(units) else min(0.1, max(1e-4, self.found.gap))
        for _ in range(4):
            trained = merged(problem, settled(problem, added, rounding, self.should_stop), loose)
            trained = polished(problem, trained, loose)
            if len(trained) > len(problem.x):
                trained = narrowed(problem, trained)
            value = problem.value(trained)
            if value < self.found.value:
                self.found.units, self.found.value = trained, value
                return
            rounding *= 0.1
            if self.should_stop():
                return

    def _amplitude(self, w: FloatArray) -> float:
        """Length at which one unit fits the errors of nothing."""
        feature = self.objective.features(w)[:, 0]
        return float(np.abs(self.objective.errors(self.found.units) @ feature) / max(feature @ feature, 1e-300)) or 1.0

    def _errors(self, units: Units) -> FloatArray:
        return self.objective.admissible(self.objective.errors(units))

    # -- bound ---------------------------------------------------------------------------------------------------

    def prove(self) -> bool:
        """The largest correlation of both signs; whether every cone was closed."""
        problem = self.objective
        errors = self._errors(self.found.units)
        missing_above = problem.beta * (1.0 + 0.3 * self.tolerance)
        self._slack = max(0.3 * self.tolerance, min(0.1 * self.found.gap, 0.1 * self._slack))
        target = problem.beta * (1.0 + self._slack)
        results: list[Largest] = []
        rows = self.span.with_errors(errors, problem.slope)
        for side, one in enumerate((rows, rows.reversed)):
            search = ConeSearch(one, target, missing=missing_above, cones=self._leaves[side])
            search.run(enough=ENOUGH, stop=self.should_stop)
            results.append(search.result())
            self._leaves[side] = search.leaves
        self._seen = errors
        self._directions = np.concatenate([result.directions for result in results])
        self._signs = np.concatenate([np.full(len(r.values), s) for r, s in zip(results, (1.0, -1.0), strict=True)])
        self.found.cones += sum(result.cones for result in results)
        self.found.rounds += 1
        bound = max(result.bound for result in results)
        dual = dual_bound(problem, errors, bound)
        if dual.bound > self.found.dual.bound:
            self.found.dual = dual
        return all(result.complete for result in results)

    _pool: FloatArray = field(init=False, repr=False)
    _slack: float = field(default=1.0, init=False)
    _leaves: list[Cones | None] = field(default_factory=lambda: [None, None], init=False, repr=False)
    _directions: FloatArray = field(init=False, repr=False)
    _signs: FloatArray = field(init=False, repr=False)
    _seen: FloatArray = field(init=False, repr=False)
