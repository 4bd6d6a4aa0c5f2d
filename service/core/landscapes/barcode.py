"""Barcode of the local minima: where each is born, and the lowest pass to a deeper one.

For one output every path between maps of different norm crosses every sphere between them, and the least loss on
the spheres is reached along a connected curve: so the merge tree of the objective, modulo the symmetries of the
weights, is that of one function of the norm.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from service.core.ground.results import StationaryPoint
from service.vocabulary import PointClass, PointKind

MINIMA: Final = frozenset({PointClass.GLOBAL_MINIMUM, PointClass.LOCAL_MINIMUM})


@dataclass(frozen=True, slots=True)
class Bar:
    """One local minimum, or a family of equal ones.

    Attributes
    ----------
    birth : float
        Its loss.
    death : float or None
        Loss of the lowest pass to a deeper minimum; ``None`` for the deepest one, or where it is unknown.
    norm : float
        Norm of its end-to-end map.
    exact : bool
    reason : str
        Why there is no death.
    at_least : float or None
        Lower bound on the pass, where only bounds are known.
    at_most : float or None
        Height of an explicit path to a deeper minimum, where only bounds are known.
    """

    birth: float
    death: float | None
    norm: float
    exact: bool
    reason: str
    at_least: float | None = None
    at_most: float | None = None

    @property
    def persistence(self) -> float | None:
        """Death minus birth."""
        return None if self.death is None else self.death - self.birth


def barcode_along_norm(points: Iterable[StationaryPoint]) -> tuple[Bar, ...]:
    """Exact bars of a one-output network from the stationary points of its reduced problem, deepest first."""
    ordered = sorted(
        (point for point in points if point.kind in (PointKind.ORIGIN, PointKind.BRANCH)), key=lambda point: point.norm
    )
    return _merge(ordered)


def _merge(ordered: Sequence[StationaryPoint]) -> tuple[Bar, ...]:
    """Merge neighbouring minima over their passes, lowest pass first."""
    valleys: list[StationaryPoint] = []
    passes: list[float] = []
    height: float | None = None
    for point in ordered:
        if point.point_class in MINIMA:
            if valleys:
                passes.append(max(height if height is not None else -float("inf"), valleys[-1].loss, point.loss))
            valleys.append(point)
            height = None
        else:
            height = point.loss if height is None else max(height, point.loss)
    bars: list[Bar] = []
    while passes:
        index = min(range(len(passes)), key=lambda position: passes[position])
        death = passes.pop(index)
        shallow = index if valleys[index].loss > valleys[index + 1].loss else index + 1
        loser = valleys.pop(shallow)
        bars.append(Bar(loser.loss, death, loser.norm, True, ""))
    bars += [Bar(point.loss, None, point.norm, True, "never: no minimum is deeper") for point in valleys]
    return tuple(sorted(bars, key=lambda bar: bar.birth))
