"""Claims about a ReLU network proved again: the loss of given weights, and what given dual errors prove.

Nothing here knows how network or errors were found.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.relu.critical import MOST_RANK
from service.core.relu.dual import dual_rounding, dual_value, residue
from service.core.relu.form import GivenWeights, ReluForm
from service.core.relu.minimum import RELAXED_RANK
from service.core.relu.networks import Objective
from service.core.relu.planar import PLANE, largest_on_plane
from service.core.relu.rows import Span, WeightedRows
from service.core.relu.search import ConeSearch
from service.core.relu.spectral import spectral_bound

_ALLOWED: Final = 1e-9
"""Relative excess over a claimed bound that is rounding of another order of sums."""


def loss_of(form: ReluForm, x: FloatArray, given: GivenWeights, bias_decays: Sequence[float]) -> tuple[float, float]:
    """Fit and decay of weights on inputs (n, d), over `ReluForm.unit`: a forward pass, and squares of weights."""
    products = x @ given.first.T + given.hidden_bias
    hidden = np.maximum(products, form.objective.slope * products)
    predictions = hidden @ given.second[0] + given.offset + x @ given.skip
    squares = [float(np.square(part).sum()) for part in (given.first, given.second)]
    decay = sum(g * square for g, square in zip(form.decays, squares, strict=True))
    if len(bias_decays) == 2:
        decay += bias_decays[0] * float(np.square(given.hidden_bias).sum()) + bias_decays[1] * given.offset**2
    return form.objective.loss.value(predictions), decay / form.unit


def proved_bound(objective: Objective, errors: FloatArray, feature_bound: float, most: int) -> float | None:
    """The lower bound that dual errors (n,) prove, if no unit has a larger correlation than claimed; else None.

    By a spectral bound where that is enough, else by branch and bound over at most ``most`` cones of each sign, every
    one of which has to be closed.
    """
    span = Span.of(objective.x)
    claimed = feature_bound / objective.excess
    if feature_bound > objective.beta * (1.0 + _ALLOWED):
        return None
    if not objective.is_admissible(errors):
        return None
    off = residue(objective, errors)
    rows = span.with_errors(errors, objective.slope)
    largest = max(_proved(one, claimed, most) for one in (rows, rows.reversed))
    if largest > claimed * (1.0 + 3.0 * _ALLOWED) + rows.allowance:
        return None
    # what the search has proved counts, not what was claimed: the two differ by rounding
    largest = (largest + off.features) * objective.excess
    share = min(1.0, objective.beta / largest) if largest > 0.0 else 1.0
    point = share * errors
    return dual_value(objective, point, share * off.moves) - dual_rounding(objective, point)


def _proved(rows: WeightedRows, claimed: float, most: int) -> float:
    """An upper bound of the correlation with units of length one; no more is done than proves what is claimed."""
    dimension = rows.x.shape[1]
    if not dimension:
        return 0.0
    if dimension <= PLANE:
        return largest_on_plane(rows, np.inf).bound
    bound = spectral_bound(rows).bound if dimension >= RELAXED_RANK else np.inf
    if bound <= claimed * (1.0 + _ALLOWED) or dimension > MOST_RANK:
        return bound
    search = ConeSearch(rows, claimed * (1.0 + _ALLOWED), missing=np.inf)
    search.run(most=most)
    return search.bound
