"""Lower bounds of a bounded ReLU network from its errors, by whichever rule gives most, and proved again from them."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.relu.dual import dual_bound, dual_rounding, dual_value, residue
from service.core.relu.rows import Span
from service.core.relu.search import Largest
from service.core.relu_bounds.depth import largest_positive, layered_bound
from service.core.relu_bounds.form import BoundedForm
from service.core.relu_bounds.inconsistent import groups_of, inconsistency_bound, inconsistent_errors
from service.core.relu_bounds.normed_rows import largest_length, normed_rows

OUTPUTS: Final = "outputs"
LAYERS: Final = "layers"
INCONSISTENT: Final = "inconsistent"
_ALLOWED: Final = 1e-9
"""Relative excess over a claimed bound that is rounding of another order of sums."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A lower bound, and what proves it.

    Attributes
    ----------
    rule : str
        Why errors prove it: `OUTPUTS`, `LAYERS` or `INCONSISTENT`.
    bound : float
        Of the objective, rounding counted.
    errors : (n, k) array
    feature_bound : float
        Upper bound of what the rule compares them with; 0 where it compares with nothing.
    """

    rule: str
    bound: float
    errors: FloatArray
    feature_bound: float


def inconsistency(form: BoundedForm, x: FloatArray) -> Proof:
    """The floor of every function of the inputs (n, d)."""
    groups = groups_of(x)
    errors = inconsistent_errors(form.objective.loss, groups)
    bound = inconsistency_bound(form.objective.loss, errors, groups)
    if not np.isfinite(bound):
        errors = np.zeros_like(errors)
        bound = inconsistency_bound(form.objective.loss, errors, groups)
    return Proof(INCONSISTENT, bound, errors, 0.0)


def by_outputs(form: BoundedForm, errors: FloatArray, most: int, slack: float) -> tuple[Proof, Largest]:
    """The bound of two layers from errors (n, k), and the units that are missing, by at most ``most`` cones."""
    objective = form.objective
    rows = normed_rows(Span.of(objective.x), errors, objective.slope)
    found = largest_length(rows, objective.beta * (1.0 + slack), most, missing=objective.beta * (1.0 + 1e-9))
    dual = dual_bound(objective, errors, found.bound)
    return Proof(OUTPUTS, dual.bound, dual.errors, dual.feature_bound), found


def by_layers(form: BoundedForm, errors: FloatArray, most: int) -> Proof:
    """The bound of more layers from errors (n, k)."""
    largest = largest_positive(form.objective, errors, most)
    bound = layered_bound(form.objective, form.rate, form.layers, errors, largest)
    return Proof(LAYERS, bound, errors, largest)


def proved_again(form: BoundedForm, x: FloatArray, claim: Proof, most: int) -> float | None:
    """The lower bound that the errors of a claim prove on inputs (n, d), if what it says of them holds; else None."""
    objective, errors = form.objective, claim.errors
    if claim.rule == INCONSISTENT:
        bound = inconsistency_bound(objective.loss, errors, groups_of(x))
        return bound if np.isfinite(bound) and claim.feature_bound == 0.0 else None
    if not objective.is_admissible(errors):
        return None
    if claim.rule == LAYERS:
        if form.rate <= 0.0:
            return None
        largest = largest_positive(objective, errors, most)
        if largest > claim.feature_bound * (1.0 + 1e-3):
            return None
        # a search that ends elsewhere proves another bound, which counts only where it is no worse
        return layered_bound(objective, form.rate, form.layers, errors, max(largest, claim.feature_bound))
    return _units_again(form, claim, most)


def _units_again(form: BoundedForm, claim: Proof, most: int) -> float | None:
    objective, errors = form.objective, claim.errors
    if form.layers != 2 or objective.beta <= 0.0 or claim.feature_bound > objective.beta * (1.0 + _ALLOWED):
        return None
    rows, off = normed_rows(Span.of(objective.x), errors, objective.slope), residue(objective, errors)
    # what the claim allows for rounding is allowed for here as well, so that it is not counted twice
    claimed = claim.feature_bound / objective.excess * (1.0 + _ALLOWED) - off.features
    largest = largest_length(rows, claimed - rows.allowance, most).bound
    if largest > claimed * (1.0 + _ALLOWED):
        return None
    largest = (largest + off.features) * objective.excess
    share = min(1.0, objective.beta / largest) if largest > 0.0 else 1.0
    point = share * errors
    return dual_value(objective, point, share * off.moves) - dual_rounding(objective, point)
