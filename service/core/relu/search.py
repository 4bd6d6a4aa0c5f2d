"""The largest correlation of errors with a unit, by branch and bound on cones."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from service.core.ground.numbers.arrays import FloatArray, IntArray
from service.core.relu.cones import Bounded, SimplicialCones, bounded
from service.core.relu.edges import THIN, edges_of
from service.core.relu.rows import WeightedRows

BATCH: Final = 512


@dataclass(frozen=True, slots=True)
class Largest:
    """What a search knows when it ends.

    Attributes
    ----------
    bound : float
        No unit of length one has a larger correlation; infinity if nothing was examined.
    value : float
        Largest correlation found; at least 0, that of the unit that is zero.
    directions : (m, d) array
        Units of length one whose correlation exceeds the target, the largest first.
    values : (m,) array
    cones : int
        SimplicialCones that were bounded.
    complete : bool
        Whether every cone was closed.
    """

    bound: float
    value: float
    directions: FloatArray
    values: FloatArray
    cones: int
    complete: bool


class ConeSearch:
    """Branch and bound; it can be left at any time, and its bound is valid then.

    Parameters
    ----------
    rows : WeightedRows
        With at least one row.
    target : float
        SimplicialCones that are proved to hold no larger correlation are closed.
    missing : float or None
        Units with a larger correlation are kept; by default those above the target.
    rtol : float
        A cone is closed as well when no correlation in it exceeds the largest found by more than this share.
    cones : SimplicialCones or None
        What to look at, in the coordinates of ``rows``; by default cones that cover the space.
    found : float
        A correlation that is known to be attained.
    """

    def __init__(
        self,
        rows: WeightedRows,
        target: float,
        *,
        missing: float | None = None,
        rtol: float = 1e-9,
        cones: SimplicialCones | None = None,
        found: float = 0.0,
    ) -> None:
        self.rows = rows
        self.target = target
        self._missing = target if missing is None else missing
        self._rtol = rtol
        self.value = found
        self.examined = 0
        self._closed = 0.0
        self._leaves: list[SimplicialCones] = []
        self._directions: list[FloatArray] = []
        self._values: list[FloatArray] = []
        self._pool = _Pool(rows.x.shape[1])
        # of the open cones: where they are, their bounds, and where they are split
        self._places = np.zeros(0, dtype=np.intp)
        self._bounds = np.zeros(0)
        self._edges = np.zeros((0, 2), dtype=np.intp)
        self._waiting = turned(rows) if cones is None else cones

    @property
    def threshold(self) -> float:
        """Bounds up to this close a cone."""
        return max(self.target, self.value * (1.0 + self._rtol))

    @property
    def bound(self) -> float:
        """Valid upper bound now."""
        if len(self._waiting):
            return float("inf")
        return max(self._closed, self.value, float(self._bounds.max(initial=0.0))) + self.rows.allowance

    def run(self, enough: int | None = None, most: int | None = None, stop: Callable[[], bool] = lambda: False) -> bool:
        """Go on until every cone is closed, or ``enough`` units exceed the target, ``most`` cones were seen, or told.

        Returns whether every cone is closed.
        """
        while len(self._bounds) or len(self._waiting):
            if enough is not None and sum(map(len, self._values)) >= enough:
                return False
            if (most is not None and self.examined >= most) or stop():
                return False
            self._step()
        return True

    @property
    def leaves(self) -> SimplicialCones:
        """Cones that cover all that was to be looked at, as fine as the search has made them."""
        return _together([*self._leaves, self._pool.cones[self._places], self._waiting])

    @property
    def closed_bound(self) -> float:
        """Largest bound of the cones that are closed."""
        return self._closed + self.rows.allowance

    @property
    def open_cones(self) -> SimplicialCones:
        """Cones that are not closed."""
        return _together([self._pool.cones[self._places], self._waiting])

    def _step(self) -> None:
        """Bound cones that wait, or split the open cones with the largest bounds."""
        if len(self._waiting):
            first, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
            self._take(first, np.full(len(first), np.inf))
            return
        if len(self._bounds) > BATCH:
            order = np.argpartition(self._bounds, -BATCH)
            chosen, rest = order[-BATCH:], order[:-BATCH]
        else:
            chosen, rest = np.arange(len(self._bounds)), np.arange(0)
        split = self._pool.taken(self._places[chosen]).split(self._edges[chosen, 0], self._edges[chosen, 1])
        bounds = self._bounds[chosen]
        self._keep(rest)
        self._take(split, np.concatenate([bounds, bounds]))

    def _keep(self, rest: IntArray) -> None:
        self._places, self._bounds, self._edges = self._places[rest], self._bounds[rest], self._edges[rest]

    def _take(self, cones: SimplicialCones, whole: FloatArray) -> None:
        """Bound cones, which are parts of cones with bounds (b,), close what can be closed, and keep the rest."""
        known = self._examined(cones)
        np.minimum(known.bound, whole, out=known.bound)
        self.examined += len(cones)
        self._collect(known)
        threshold = self.threshold
        open_ = np.flatnonzero(known.bound > threshold)
        edges, longest = edges_of(self.rows, cones[open_], known.coordinates[open_])
        thin = longest < THIN  # their bounds count as they are
        closed = np.ones(len(cones), dtype=bool)
        closed[open_[~thin]] = False
        self._close(cones[closed], known.bound[closed])
        open_ = open_[~thin]
        self._places = np.concatenate([self._places, self._pool.put(cones[open_])])
        self._bounds = np.concatenate([self._bounds, known.bound[open_]])
        self._edges = np.concatenate([self._edges, edges[~thin]])

    def _examined(self, cones: SimplicialCones) -> Bounded:
        return bounded(self.rows, cones, self.threshold)

    def _close(self, cones: SimplicialCones, bounds: FloatArray) -> None:
        self._closed = max(self._closed, float(bounds.max(initial=0.0)))
        self._leaves.append(cones)

    def _collect(self, known: Bounded) -> None:
        """Keep units that exceed the target; the largest correlation closes cones from now on."""
        above = known.value > self._missing
        if above.any():
            self._directions.append(known.direction[above])
            self._values.append(known.value[above])
        best = float(known.value.max(initial=0.0))
        if best > self.value:
            self.value = best
            waiting = self._bounds > self.threshold
            if not waiting.all():
                self._close(self._pool.taken(self._places[~waiting]), self._bounds[~waiting])
                self._keep(np.flatnonzero(waiting))

    def result(self) -> Largest:
        """What is known now, in the caller's coordinates."""
        dimension = self.rows.x.shape[1]
        directions = np.concatenate([np.zeros((0, dimension)), *self._directions])
        values = np.concatenate([np.zeros(0), *self._values])
        order = np.argsort(-values, kind="stable")
        return Largest(
            self.bound,
            self.value,
            directions[order] @ self.rows.basis.T,
            values[order],
            self.examined,
            not (len(self._bounds) or len(self._waiting)),
        )


class _Pool:
    """Room for cones that are open: a cone stays where it is until it is taken, however many there are."""

    def __init__(self, dimension: int) -> None:
        empty = np.zeros((0, dimension, dimension))
        self.cones = SimplicialCones(empty, empty)
        self._free = np.zeros(0, dtype=np.intp)

    def put(self, cones: SimplicialCones) -> IntArray:
        """Places (b,) of cones (b, r, r) from now on."""
        missing = len(cones) - len(self._free)
        if missing > 0:
            size = len(self.cones)
            more = max(missing, size, BATCH)
            room = np.zeros((more, *self.cones.generators.shape[1:]))
            self.cones = _together([self.cones, SimplicialCones(room, room)])
            self._free = np.concatenate([self._free, np.arange(size, size + more)])
        places, self._free = self._free[: len(cones)], self._free[len(cones) :]
        self.cones.generators[places], self.cones.inverse[places] = cones.generators, cones.inverse
        return places

    def taken(self, places: IntArray) -> SimplicialCones:
        """Cones at places (b,), which are free from now on."""
        self._free = np.concatenate([self._free, places])
        return self.cones[places]


def _together(parts: list[SimplicialCones]) -> SimplicialCones:
    return SimplicialCones(
        np.concatenate([part.generators for part in parts]), np.concatenate([part.inverse for part in parts])
    )


def turned(rows: WeightedRows) -> SimplicialCones:
    """The orthants of the principal axes of the rows, weighed by the errors."""
    weights = np.sqrt(rows.plus + rows.minus)
    axes = np.linalg.svd(weights[:, None] * rows.x, full_matrices=True)[2].T
    orthants = SimplicialCones.orthants(rows.x.shape[1])
    return SimplicialCones(np.ascontiguousarray(axes @ orthants.generators), orthants.inverse @ axes.T)
