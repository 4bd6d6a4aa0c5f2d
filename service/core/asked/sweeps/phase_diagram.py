"""Phase diagrams: the global minimum on a grid of one or two parameters, and its phase boundaries.

Blocks of the grid are independent: cutting it differently changes no bit of any number.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from service.core.asked.sweeps.axes import Axis, positions
from service.core.asked.sweeps.boundaries import trace
from service.core.asked.sweeps.columns import Sweep
from service.core.asked.sweeps.points import sweep_points
from service.core.asked.sweeps.transitions import Boundary
from service.core.ground.problems import Problem


@dataclass(frozen=True, slots=True)
class PhaseDiagram:
    """A grid and what was found on it.

    Attributes
    ----------
    axes : tuple of Axis
        One or two.
    points : Sweep
        Flat, the last axis running fastest.
    boundaries : tuple of Boundary
        One for each axis.
    """

    axes: tuple[Axis, ...]
    points: Sweep
    boundaries: tuple[Boundary, ...]


def size_of(axes: Sequence[Axis]) -> int:
    """Number of points of the grid."""
    return prod(axis.values.size for axis in axes)


def block(problem: Problem, axes: Sequence[Axis], start: int, stop: int) -> Sweep:
    """Global minima at the points ``start`` to ``stop`` of the grid, the last axis running fastest.

    Parameters
    ----------
    problem : Problem
    axes : sequence of Axis
        One or two with different parameters; of any lengths.
    start, stop : int
        ``0 <= start < stop <= size_of(axes)``.

    Returns
    -------
    Sweep
        Bit by bit the same numbers whatever the blocks.

    Raises
    ------
    NotCovered
    """
    return sweep_points(problem, positions(axes, start, stop), within=axes)


def phase_diagram(problem: Problem, axes: Sequence[Axis]) -> PhaseDiagram:
    """The whole diagram in one piece."""
    points = block(problem, axes, 0, size_of(axes))
    boundaries = tuple(trace(problem, axes, index) for index in range(len(axes)))
    return PhaseDiagram(tuple(axes), points, boundaries)
