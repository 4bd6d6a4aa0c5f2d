"""Data of such a size that an answer left double precision: reported by their fields, after it has failed."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from service.core.ground.problems import Moments
from service.errors import FieldError, Location

ORDINARY_INPUT: Final = 1e20
"""Inputs whose sizes lie between this and its inverse leave double precision with no targets of ordinary size."""
ORDINARY_TARGET: Final = 1e50
"""The same of targets."""
LARGEST_LOSS: Final = 1e308
"""A loss that is still a number."""
FIELDS: Final[Mapping[str, tuple[str, str]]] = {
    "samples": ("x", "y"),
    "factor": ("x_mean", "y_mean"),
    "moments": ("xx", "yy"),
    "example": ("name", "name"),
}
"""Where a kind of data holds what the sizes of inputs and of targets come from."""


def extreme_data(moments: Moments | None, kind: str, at: Location = (), loss: float = 1.0) -> list[FieldError]:
    """What is said of inputs and targets of a problem that are far from ordinary size.

    Parameters
    ----------
    moments : Moments or None
    kind : str
        Of the data.
    at : tuple
        Where the problem stands in the request.
    loss : float
        The caller's loss divided by the core's.
    """
    if moments is None:
        return []
    inputs, targets = FIELDS[kind]
    sizes = np.sqrt(np.maximum(moments.xx.diagonal(), 0.0))
    found = []
    if _is_extreme(sizes, ORDINARY_INPUT):
        found.append(_problem((*at, "data", inputs), "inputs", ORDINARY_INPUT))
    largest = float(np.sqrt(LARGEST_LOSS / max(loss, 1.0)))
    if moments.yy > largest**2:
        detail = f"holds targets whose losses leave double precision: up to {largest:.3g} they stay in it"
        found.append(FieldError((*at, "data", targets), detail))
    elif _is_extreme(np.sqrt(np.array([moments.yy])), ORDINARY_TARGET):
        found.append(_problem((*at, "data", targets), "targets", ORDINARY_TARGET))
    return found


def _is_extreme(sizes: np.ndarray[tuple[int, ...], np.dtype[np.float64]], ordinary: float) -> bool:
    return bool((~(sizes <= ordinary) | ((sizes > 0.0) & (sizes < 1.0 / ordinary))).any())


def _problem(location: Location, what: str, ordinary: float) -> FieldError:
    detail = (
        f"holds {what} of such a size that the answer leaves double precision; between {1.0 / ordinary:g} and "
        f"{ordinary:g} it is certain to stay in it: measure them in other units"
    )
    return FieldError(location, detail)
