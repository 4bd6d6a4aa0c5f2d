"""The decay from which no unit is worth what it costs."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from service.core.ground.stopping import should_stop
from service.core.relu.networks import Objective
from service.core.relu.planar import PLANE, largest_on_plane
from service.core.relu.rows import Span
from service.core.relu.search import ConeSearch
from service.core.relu.training.trainer import Trainer

_RTOL: Final = 1e-9
CRITICAL_CONES: Final = 20_000
"""Cones within which the critical beta of most data is known."""
MOST_RANK: Final = 10
"""Rank of the inputs up to which the space is cut into cones: there are 2^r to begin with."""


@dataclass(frozen=True, slots=True)
class Critical:
    """The largest correlation of the errors of the best network without units: attained, and proved.

    The network without units is the minimum if and only if beta is at least this.
    """

    value: float
    bound: float

    @property
    def is_known(self) -> bool:
        """Whether the two agree to eight digits."""
        return self.bound <= self.value * (1.0 + 1e-8)


def critical_beta(objective: Objective, most: int) -> Critical:
    """The critical beta within a number of cones; infinite where the rank is too large to cut."""
    errors = Trainer(objective, 1e-9).errors()
    span = Span.of(objective.x)
    if not span.dimension or not errors.any():
        return Critical(0.0, 0.0)
    if span.dimension > MOST_RANK:
        return Critical(0.0, float("inf"))
    rows = span.with_errors(errors, objective.slope)
    value, bound = 0.0, 0.0
    for one in (rows, rows.reversed):
        if span.dimension <= PLANE:
            found = largest_on_plane(one, np.inf)
        else:
            search = ConeSearch(one, 0.0, missing=np.inf, rtol=_RTOL, found=value)
            search.run(most=most, stop=should_stop)
            found = search.result()
        value, bound = max(value, found.value), max(bound, found.bound)
    return Critical(value, bound)
