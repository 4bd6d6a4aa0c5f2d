"""Given weights as units: what balancing them gains, which of them reach no sample, how far each is from rest."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from service.core.ground.numbers.arrays import FloatArray, IntArray
from service.core.relu.claims import loss_of
from service.core.relu.form import GivenWeights, ReluForm
from service.core.relu.networks import HiddenUnits, Objective
from service.core.relu.rows import EPS


@dataclass(frozen=True, slots=True)
class GivenUnits:
    """A given network in the form where only products of weights count; losses are sums over samples, `ReluForm.unit`.

    Attributes
    ----------
    units : HiddenUnits
        Those that reach a sample, k of m.
    places : (k,) array of int
        Which of the given units they are.
    gains : (m,) array
        What the decay of each given unit falls by when its two weights are balanced.
    active : (m,) array of int
        Samples on which the pre-activation of each is positive.
    fit, decay : float
        Of the given weights.
    tidy : float
        Loss once all are balanced and those that reach no sample are left out.
    rounding : float
        Bound on the error of the loss.
    """

    units: HiddenUnits
    places: IntArray
    gains: FloatArray
    active: IntArray
    fit: float
    decay: float
    tidy: float
    rounding: float

    @property
    def value(self) -> float:
        """Loss of the given weights."""
        return self.fit + self.decay


def given_units(form: ReluForm, given: GivenWeights, bias_decays: Sequence[float]) -> GivenUnits:
    """Look at weights that fit the form; ``bias_decays`` as in `loss_of`.  ``O(n m d)``."""
    objective = form.objective
    x = objective.x[:, : form.inputs]
    fit, decay = loss_of(form, x, given, bias_decays)
    output = given.second[0]
    first, lifted = _within(form, given, x)
    w = np.abs(output)[:, None] * first
    lengths = unit_costs(form, first)
    gains = np.square(sqrt(form.decays[0]) * lengths - sqrt(form.decays[1]) * np.abs(output)) / form.unit
    places = np.flatnonzero(objective.features(w).any(axis=0))
    # without a bias of the output, units of large hidden biases stand for it
    offset = [given.offset + lifted] if form.output_bias or form.by_limit else []
    free = np.concatenate([offset, given.skip if form.skip else np.zeros(0)])
    units = HiddenUnits(w[places], np.where(output[places] < 0.0, -1.0, 1.0), free)
    tidy = sum(loss_of(form, x, form.given(units), bias_decays))
    rounding = value_rounding(objective, units)
    active = (x @ given.first.T + given.hidden_bias > 0.0).sum(axis=0)
    return GivenUnits(units, places, gains, active, fit, decay, tidy, rounding)


def _within(form: ReluForm, given: GivenWeights, x: FloatArray) -> tuple[FloatArray, float]:
    """Input weights with biases (m, d or d + 1), and what an output bias takes over from them.

    A bias without decay that is larger than every product only adds a constant; the form charges a little for its
    length, so that it is given to the output.
    """
    if form.ones is None:
        return given.first, 0.0
    bias, lifted = given.hidden_bias, 0.0
    if form.objective.excess != 1.0:
        longest = float(np.sqrt(np.square(x).sum(axis=1)).max(initial=0.0))
        most = longest * np.sqrt(np.square(given.first).sum(axis=1))
        clipped = np.clip(bias, -most, most)
        beyond = np.where(bias > 0.0, 1.0, form.objective.slope) * (bias - clipped)
        lifted, bias = float(given.second[0] @ beyond), clipped
    return np.column_stack([given.first, bias / form.ones]), lifted


def unit_costs(form: ReluForm, w: FloatArray) -> FloatArray:
    """Lengths (m,) of units (m, d or d + 1) as they decay: a bias without decay does not count."""
    counted = w[:, : form.inputs] if form.objective.excess != 1.0 else w
    return np.asarray(np.sqrt(np.einsum("ij,ij->i", counted, counted)))


def deviations(form: ReluForm, units: HiddenUnits) -> FloatArray:
    """How far each unit (m,) is from ``s_j g_v(w_j) = beta |w_j|``, over the right side; zero where training has ended.

    Less than zero: it would gain by being shorter.
    """
    objective = form.objective
    ends = objective.features(units.w).T @ objective.errors(units) * units.signs
    return np.asarray(ends / (objective.beta * np.maximum(unit_costs(form, units.w), 1e-300)) - 1.0)


def free_deviation(objective: Objective, units: HiddenUnits) -> float | None:
    """Largest derivative by what is no unit, over the sum of the moduli of its terms; None where all is units."""
    if not len(units.free):
        return None
    errors = objective.errors(units)
    along = np.abs(objective.free.T @ errors - 2.0 * objective.ridge * units.free)
    size = np.abs(objective.free).T @ np.abs(errors) + 2.0 * objective.ridge * np.abs(units.free)
    return float((along / np.maximum(size, 1e-300)).max())


def value_rounding(objective: Objective, units: HiddenUnits) -> float:
    """What rounding can take from the value of a network: of predictions, times their slopes, and of sums."""
    features = np.abs(objective.x) @ np.abs(units.w).T
    size = features.sum(axis=1) + np.abs(objective.free) @ np.abs(units.free)
    count, dimension = objective.x.shape
    predictions = objective.predictions(units)
    slopes = np.abs(objective.loss.slope(predictions))
    terms = (dimension + len(units) + 4) * (slopes @ size)
    each = np.abs(objective.loss.each(predictions)).sum()
    return float(EPS * (terms + (count + 8) * each + 8 * objective.decay(units)))
