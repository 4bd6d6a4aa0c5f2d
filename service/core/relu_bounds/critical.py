"""The decay from which no unit of a network with several outputs is worth what it costs."""

from typing import Final

from service.core.relu.rows import Span
from service.core.relu_bounds.descent import nothing
from service.core.relu_bounds.normed_rows import largest_length, normed_rows
from service.core.relu_bounds.search import BoundedSearch

_CONES: Final = 20_000
_CLOSE: Final = 1e-8


def critical_beta(search: BoundedSearch) -> float | None:
    """The largest correlation of the errors of the best network without units, where it is known to eight digits."""
    objective = search.form.objective
    if search.form.layers != 2 or objective.beta <= 0.0:
        return None
    errors = search.errors(nothing(search.problem))
    found = largest_length(normed_rows(Span.of(objective.x), errors, objective.slope), 0.0, _CONES)
    return found.value if found.bound <= found.value * (1.0 + _CLOSE) else None
