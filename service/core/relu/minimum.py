"""The certified loop: a network by Newton's method, the largest correlation of its errors by branch and bound.

Either no unit is correlated with the errors by more than beta, which proves the minimum, or the units that are go into
the network.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.stopping import should_stop
from service.core.relu.both_signs import BothSigns
from service.core.relu.critical import MOST_RANK
from service.core.relu.dual import DualBound, crude_dual, dual_bound
from service.core.relu.networks import HiddenUnits, Objective
from service.core.relu.relaxed import relaxed_bounds
from service.core.relu.rows import Span
from service.core.relu.training.trainer import Trainer

RELAXED_RANK: Final = 7
"""Rank of the inputs from which bounds without cones come first: a search of all cones hardly ever ends there."""
RELAXED_ROUNDS: Final = 40


@dataclass(slots=True)
class CertifiedNetwork:
    """The best network and the best bound so far; either may come from another round.

    Attributes
    ----------
    units : HiddenUnits
    value : float
    dual : DualBound
    cones, rounds : int
        SimplicialCones that were bounded, and searches of both signs.
    floor : float
        Values below this do not count as the size of the objective.
    """

    units: HiddenUnits
    value: float
    dual: DualBound
    cones: int = 0
    rounds: int = 0
    floor: float = 0.0

    @property
    def gap(self) -> float:
        """``(value - bound) / max(|value|, floor)``."""
        return (self.value - self.dual.bound) / max(abs(self.value), self.floor, 1e-300)


@dataclass(slots=True)
class CertifiedLoop:
    """A search that improves network and bound in turn.

    Parameters
    ----------
    objective : Objective
    tolerance : float
        Relative gap at which it ends.
    most : int
        SimplicialCones that it may bound in all.
    seed : int
    units : HiddenUnits or None
        Where training starts; by default the best network without units.
    pool : (k, d) array or None
        Directions from which local searches start as well.
    searches : BothSigns or None
        Searches whose cones it goes on from; theirs count as its own.
    """

    objective: Objective
    tolerance: float = 1e-6
    most: int = 10**9
    seed: int = 0
    units: HiddenUnits | None = None
    pool: FloatArray | None = None
    searches: BothSigns | None = None
    trainer: Trainer = field(init=False)
    found: CertifiedNetwork = field(init=False)
    _searches: BothSigns = field(init=False, repr=False)
    _slack: float = field(default=1.0, init=False)

    def __post_init__(self) -> None:
        """Start with the network that is given and the bound of no search."""
        self.trainer = Trainer(self.objective, self.tolerance, self.units, self.pool, self.seed)
        self._searches = self.searches or BothSigns(self.objective, Span.of(self.objective.x))
        dual = crude_dual(self.objective, self.trainer.errors())
        self.found = CertifiedNetwork(self.trainer.network, self.trainer.value, dual, floor=floor_of(self.objective))

    def run(self) -> CertifiedNetwork:
        """Until the gap is closed, nothing is gained any more, or the effort is over."""
        for _ in self.improvements():
            pass
        return self.found

    def improvements(self) -> Iterator[CertifiedNetwork]:
        """What is known after each step."""
        for _ in self.trainer.steps():
            yield self._learned()
        yield self._learned()
        dimension = self._searches.span.dimension
        if dimension >= RELAXED_RANK:
            for dual in relaxed_bounds(self.objective, self.found.units, RELAXED_ROUNDS):
                self._prove_by(dual)
                yield self.found
        if not 0 < dimension <= MOST_RANK:
            return
        while not (should_stop() or self.found.cones >= self.most):
            before, slack = self.found.value, self._slack
            complete, directions, signs, errors = self._prove()
            yield self.found
            if self.found.gap <= self.tolerance:
                return
            tighter = not complete or self._slack < slack
            if len(signs):
                self.trainer.insert(directions, signs, errors, self.found.gap)
                yield self._learned()
            else:
                self.trainer.train(self.found.gap)
                self._learned()
            if complete and not tighter and self.found.value >= before:
                return

    def _prove_by(self, dual: DualBound) -> None:
        if dual.bound > self.found.dual.bound:
            self.found.dual = dual

    def _learned(self) -> CertifiedNetwork:
        self.found.units, self.found.value = self.trainer.network, self.trainer.value
        return self.found

    def _prove(self) -> tuple[bool, FloatArray, FloatArray, FloatArray]:
        """Search both signs: whether every cone was closed, the units that are missing with their signs, the errors.

        Cones are closed at a slack that shrinks with the gap; what a search has split is not split again by the next.
        """
        errors = self.trainer.errors()
        self._slack = slack_after(self._slack, self.found.gap, self.tolerance)
        result = self._searches.run(errors, self._slack, self.trainer.above, self.most)
        self.found.cones = self._searches.cones
        self.found.rounds += 1
        self._prove_by(dual_bound(self.objective, errors, result.bound))
        return result.complete, result.directions, result.signs, errors


def floor_of(objective: Objective) -> float:
    """What gaps are relative to where the minimum is next to nothing: 1e-6 of the objective without a network."""
    return 1e-6 * abs(objective.value(objective.nothing))


def slack_after(slack: float, gap: float, tolerance: float) -> float:
    """How far above beta the next search may leave a cone open: a tenth of the gap, and less each time."""
    return max(0.3 * tolerance, min(0.1 * gap, 0.1 * slack))
