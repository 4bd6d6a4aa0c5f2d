"""Changes of the global minimiser along a parameter, gathered from the pieces in which they were found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import numpy as np

from service.core.asked.sweeps.axes import Axis
from service.core.ground.numbers.arrays import FloatArray, IntArray
from service.core.ground.problems import Problem
from service.vocabulary import SweepParameter

NOISY: Final = (SweepParameter.NOISE_VARIANCE, SweepParameter.WIDTH)
"""Parameters that act through the noise."""


@dataclass(frozen=True, slots=True)
class PhaseTransition:
    """One change of the global minimiser along the traced parameter; NaN where it does not happen.

    Attributes
    ----------
    order : (m,) array of float
        1 for a jump of the minimiser, 2 for a continuous change.
    critical : (m,) array
        Value of the traced parameter.
    norm_before, norm_after : (m,) arrays
        Norm of the end-to-end map on the side of less decay and noise, and on the other.
    """

    order: FloatArray
    critical: FloatArray
    norm_before: FloatArray
    norm_after: FloatArray


@dataclass(frozen=True, slots=True)
class Boundary:
    """All transitions along one parameter, for each value of the other axis (or a single one).

    Attributes
    ----------
    traced : int
        Which axis the critical values belong to.
    transitions : tuple of PhaseTransition
        In the order in which they happen as decay or noise grows; the last is the collapse to zero.
    metastable : (m,) array
        Up to here a local minimum other than zero exists; NaN where there is no such region.
    reasons : mapping
        Why numbers are missing, by the name of what is missing.
    """

    traced: int
    transitions: tuple[PhaseTransition, ...]
    metastable: FloatArray
    reasons: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Group:
    """Entries of the other axis that share one curve."""

    problem: Problem
    other: tuple[Axis, ...]
    places: IntArray


Traced: TypeAlias = "tuple[Group, list[tuple[FloatArray, ...]], FloatArray]"
"""A group with the columns of its transitions, in the order of `PhaseTransition`, and the end of metastability."""


def nothing(traced: int, m: int, reason: str) -> Boundary:
    """No transition, and why."""
    return Boundary(traced, (), np.full(m, np.nan), {"transitions": reason, "metastable": reason})


def assembled(found: Sequence[Traced], traced: int, m: int) -> Boundary:
    """Groups may have different numbers of transitions; they are aligned at the collapse, which is the last."""
    most = max(len(rows) for _, rows, _ in found)
    columns = np.full((most, 4, m), np.nan)
    metastable = np.full(m, np.nan)
    for group, rows, end in found:
        metastable[group.places] = end
        for back, row in enumerate(reversed(rows), start=1):
            for column, numbers in enumerate(row):
                columns[most - back, column, group.places] = numbers
    return Boundary(traced, tuple(PhaseTransition(*transition) for transition in columns), metastable)


def explain(boundary: Boundary, axis: Axis, reasons: dict[str, str]) -> None:
    """Say why numbers of a traced boundary are missing."""
    some = any(np.isnan(transition.critical).any() for transition in boundary.transitions)
    if some and axis.parameter in NOISY:
        reasons.setdefault(
            "transitions", "null where the minimum is already beyond the transition without any noise, or never there"
        )
    elif some:
        reasons.setdefault("transitions", "null where no decay in the range of double precision is critical")
    if np.isnan(boundary.metastable).any():
        missing = "null where the transition is continuous, or where the region ends before the parameter begins"
        reasons.setdefault("metastable", missing)
