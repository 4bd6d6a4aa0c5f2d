"""Barcode of the local minima: where each is born, and the lowest pass to a deeper one.

For one output every path between maps of different norm crosses every sphere between them, and the least loss on
the spheres is reached along a connected curve: so the merge tree of the objective, modulo the symmetries of the
weights, is that of one function of the norm.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from service.core.results import StationaryPoint
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
    """

    birth: float
    death: float | None
    norm: float
    exact: bool
    reason: str

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


def bounded_bars(points: Iterable[StationaryPoint]) -> tuple[Bar, ...]:
    """Births of the known local minima where passes are not known."""
    minima = sorted((point for point in points if point.point_class in MINIMA), key=lambda point: point.loss)
    reason = "the lowest pass is not known; it is at least the birth"
    deepest = "never: no minimum is deeper"
    return tuple(
        Bar(point.loss, None, point.norm, point.point_class is PointClass.GLOBAL_MINIMUM, deepest if first else reason)
        for first, point in ((index == 0, point) for index, point in enumerate(minima))
    )


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
