"""The verdict on a given two-layer ReLU network: certified, refuted, or undecided with value, bound and gap.

A bound holds for networks of any width, so that one from another network counts as much as one from the errors of the
given one.  See ``docs/theory/relu-networks.md``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.stopping import should_stop
from service.core.relu.both_signs import BothSigns
from service.core.relu.claims import loss_of
from service.core.relu.critical import MOST_RANK
from service.core.relu.dual import DualBound, crude_dual, dual_bound
from service.core.relu.form import GivenWeights, ReluForm
from service.core.relu.given.missing_unit import Missing, missing_unit
from service.core.relu.given.units import GivenUnits, deviations, free_deviation, given_units, value_rounding
from service.core.relu.minimum import CertifiedLoop, floor_of
from service.core.relu.networks import HiddenUnits
from service.core.relu.planar import PLANE
from service.core.relu.rows import Span
from service.core.relu.spectral import spectral_bound
from service.core.relu.training.ascents import missing
from service.core.relu.training.trainer import Trainer
from service.vocabulary import ReluVerdict

_OWN: Final = 0.7
"""Share of the effort that goes to the errors of the given network, before others are trained."""
_CONTINUED: Final = 300
"""Numbers of a network up to which training goes on from it; a larger one only gives its directions."""
_POOL: Final = 400


@dataclass(frozen=True, slots=True)
class Better:
    """A network whose loss is lower.

    Attributes
    ----------
    value : float
    units : int
    by : str
        Where it comes from.
    """

    value: float
    units: int
    by: Literal["balancing", "missing_unit", "search"]


@dataclass(frozen=True, slots=True)
class Judged:
    """What is known of a given network; losses are sums over samples.

    Attributes
    ----------
    verdict : ReluVerdict
    given : GivenUnits
    dual : DualBound
        The best bound on the loss of networks of any width.
    gap : float
        Of the given network, relative.
    best : Better
        The best network known, which may be the given one, tidied.
    best_gap : float
        Of that one.
    narrow : float
        Least value known of networks that are no wider than the given one.
    missing : Missing or None
        The best unit to add.
    ends : (k,) array
        Deviation of each unit that reaches a sample.
    free : float or None
        That of what is no unit.
    cones, searches : int
    relaxed : bool
        Whether the bound needed no cones.
    """

    verdict: ReluVerdict
    given: GivenUnits
    dual: DualBound
    gap: float
    best: Better
    best_gap: float
    narrow: float
    missing: Missing | None
    ends: FloatArray
    free: float | None
    cones: int
    searches: int
    relaxed: bool


def judged(
    form: ReluForm, weights: GivenWeights, bias_decays: Sequence[float], tolerance: float, most: int, seed: int
) -> Judged:
    """Judge weights that fit the form with at most ``most`` cones.

    Parameters
    ----------
    form : ReluForm
    weights : GivenWeights
    bias_decays : sequence of float
        As in `loss_of`.
    tolerance : float
        Relative gap up to which a network is certified.
    most : int
    seed : int
        Of the starts of local searches.
    """
    given = given_units(form, weights, bias_decays)
    own = _Own(form, given, tolerance, seed)
    own.search(int(_OWN * most))
    width = len(weights.first)
    known = [Better(given.tidy, len(given.units), "balancing")]
    lacking = own.missing()
    if lacking is not None:
        known.append(Better(given.tidy - lacking.decrease, len(given.units) + 1, "missing_unit"))
    dual, searches = own.dual, own.searches
    if own.gap > tolerance and most > own.signed.cones and not should_stop():
        units, bound, rounds = _solved(form, own, tolerance, most, seed)
        value = sum(loss_of(form, form.objective.x[:, : form.inputs], form.given(units), bias_decays))
        known.append(Better(value + value_rounding(form.objective, units), len(units), "search"))
        dual = bound if bound.bound > dual.bound else dual
        searches += rounds
    best = min(known, key=lambda one: one.value)
    size = floor_of(form.objective)

    def gap(value: float) -> float:
        return (value + given.rounding - dual.bound) / max(abs(value), size, 1e-300)

    verdict = ReluVerdict.UNDECIDED
    if gap(given.value) <= tolerance:
        verdict = ReluVerdict.CERTIFIED
    elif best.value < given.value - 2.0 * given.rounding:
        verdict = ReluVerdict.REFUTED
    return Judged(
        verdict=verdict,
        given=given,
        dual=dual,
        gap=max(gap(given.value), 0.0),
        best=best,
        best_gap=max(gap(best.value), 0.0),
        narrow=min(one.value for one in known if one.units <= width),
        missing=lacking,
        ends=deviations(replace(form, objective=own.trainer.objective), given.units),
        free=free_deviation(own.trainer.objective, given.units),
        cones=own.signed.cones,
        searches=searches,
        relaxed=own.signed.span.dimension > PLANE and not own.signed.cones,
    )


class _Own:
    """What the errors of the given network prove, and which units they ask for."""

    def __init__(self, form: ReluForm, given: GivenUnits, tolerance: float, seed: int) -> None:
        self.form, self.given, self.seed = form, given, seed
        # the network itself is not trained, only looked at: what is no unit stays as it is
        self.trainer = Trainer(form.objective, tolerance, given.units)
        objective = self.trainer.objective
        self.errors = objective.admissible(objective.errors(given.units))
        self.dual = crude_dual(objective, self.errors)
        self.signed = BothSigns(form.objective, Span.of(form.objective.x))
        self.searches = 0
        self.directions, self.signs = np.zeros((0, objective.x.shape[1])), np.zeros(0)

    @property
    def gap(self) -> float:
        """Relative gap of the given network to its own bound."""
        value, size = self.given.value, floor_of(self.form.objective)
        return (value + self.given.rounding - self.dual.bound) / max(abs(value), size, 1e-300)

    def search(self, most: int) -> None:
        """Look for missing units, and prove what these errors can."""
        objective, tolerance = self.form.objective, self.trainer.tolerance
        span = self.signed.span
        if not span.dimension or span.dimension > MOST_RANK:
            rows = span.with_errors(self.errors, objective.slope)
            bounds = [spectral_bound(one).bound for one in (rows, rows.reversed)] if span.dimension else [0.0]
            self._prove(max(bounds))
            return
        if self.gap > tolerance:
            found = self.signed.run(self.errors, 0.3 * tolerance, self.trainer.above, most)
            self._prove(found.bound)
            self.searches += 1
            self.directions, self.signs = found.directions, found.signs

    def _prove(self, largest: float) -> None:
        found = dual_bound(self.form.objective, self.errors, largest)
        self.dual = found if found.bound > self.dual.bound else self.dual

    def missing(self) -> Missing | None:
        """The best of the units that were found and those that local searches find."""
        objective, units = self.trainer.objective, self.given.units
        rng = np.random.default_rng(self.seed)
        starts = np.concatenate([units.w, self.directions])[: 5 * _POOL]
        errors = objective.errors(units)
        directions, signs, _ = missing(objective, errors, starts, objective.beta, rng)
        directions, signs = np.concatenate([directions, self.directions]), np.concatenate([signs, self.signs])
        found = missing_unit(self.form, objective, units, directions, signs)
        return found if found is not None and found.decrease > 2.0 * self.given.rounding else None

    @property
    def pool(self) -> FloatArray:
        """Directions of what is there and what is missing, from which others may start."""
        units = self.given.units
        order = np.argsort(-units.lengths, kind="stable")
        return np.concatenate([self.directions, units.w[order]])[:_POOL]


def _solved(form: ReluForm, own: _Own, tolerance: float, most: int, seed: int) -> tuple[HiddenUnits, DualBound, int]:
    """A trained network, the best bound on the way, and how often it searched; no more than the verdict needs."""
    units = own.given.units
    small = units.w.size <= _CONTINUED and not form.objective.loss.has_kinks
    # cones that suit the errors of a network far from the minimum do not suit those of one near it
    near = None if len(own.signs) else own.signed
    left = most if near is not None else most - own.signed.cones
    loop = CertifiedLoop(form.objective, tolerance, left, seed, units if small else None, own.pool, near)
    value, size = own.given.value, floor_of(form.objective)
    for known in loop.improvements():
        if value - known.dual.bound <= 0.9 * tolerance * max(abs(value), size):
            break
    found = loop.found
    if near is None:
        own.signed.cones += found.cones
    return found.units, found.dual, found.rounds
