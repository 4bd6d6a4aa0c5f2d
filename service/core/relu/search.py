"""The largest correlation of errors with a unit, by branch and bound on cones."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from service.core.ground.numbers.arrays import FloatArray, IntArray
from service.core.relu.cones import Bounded, SimplicialCones, bounded
from service.core.relu.rows import WeightedRows

BATCH: Final = 512
_THIN: Final = 1e-6
"""Cones whose longest edge is shorter are not split; their bounds count."""


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
        dimension = rows.x.shape[1]
        self._open = SimplicialCones(np.zeros((0, dimension, dimension)), np.zeros((0, dimension, dimension)))
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
        parts = [*self._leaves, self._open, self._waiting]
        return SimplicialCones(
            np.concatenate([part.generators for part in parts]), np.concatenate([p.inverse for p in parts])
        )

    @property
    def closed_bound(self) -> float:
        """Largest bound of the cones that are closed."""
        return self._closed + self.rows.allowance

    @property
    def open_cones(self) -> SimplicialCones:
        """Cones that are not closed."""
        return SimplicialCones(
            np.concatenate([self._open.generators, self._waiting.generators]),
            np.concatenate([self._open.inverse, self._waiting.inverse]),
        )

    def _step(self) -> None:
        """Bound cones that wait, or split the open cones with the largest bounds."""
        if len(self._waiting):
            first, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
            self._take(first)
            return
        if len(self._bounds) > BATCH:
            order = np.argpartition(self._bounds, -BATCH)
            chosen, rest = order[-BATCH:], order[:-BATCH]
        else:
            chosen, rest = np.arange(len(self._bounds)), np.arange(0)
        split = self._open[chosen].split(self._edges[chosen, 0], self._edges[chosen, 1])
        self._keep(rest)
        self._take(split)

    def _keep(self, rest: IntArray) -> None:
        self._open, self._bounds, self._edges = self._open[rest], self._bounds[rest], self._edges[rest]

    def _take(self, cones: SimplicialCones) -> None:
        """Bound cones, close what can be closed, and keep the rest."""
        known = self._examined(cones)
        self.examined += len(cones)
        self._collect(known)
        threshold = self.threshold
        open_ = np.flatnonzero(known.bound > threshold)
        edges, longest = _edges(self.rows, cones[open_], known.coordinates[open_])
        thin = longest < _THIN
        closed = np.ones(len(cones), dtype=bool)
        closed[open_[~thin]] = False
        self._close(cones[closed], known.bound[closed])
        open_ = open_[~thin]
        new = cones[open_]
        self._open = SimplicialCones(
            np.concatenate([self._open.generators, new.generators]), np.concatenate([self._open.inverse, new.inverse])
        )
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
                self._close(self._open[~waiting], self._bounds[~waiting])
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


def turned(rows: WeightedRows) -> SimplicialCones:
    """The orthants of the principal axes of the rows, weighed by the errors."""
    weights = np.sqrt(rows.plus + rows.minus)
    axes = np.linalg.svd(weights[:, None] * rows.x, full_matrices=True)[2].T
    orthants = SimplicialCones.orthants(rows.x.shape[1])
    return SimplicialCones(np.ascontiguousarray(axes @ orthants.generators), orthants.inverse @ axes.T)


def _edges(rows: WeightedRows, cones: SimplicialCones, coordinates: FloatArray) -> tuple[IntArray, FloatArray]:
    """The edge of each cone (b, 2) whose halves promise most, and the length of the longest edge (b,).

    What interpolation loses on the edge is weighed by the coordinates of the relaxed maximum.
    """
    batch, dimension = cones.generators.shape[:2]
    first, second = np.triu_indices(dimension, 1)
    if not batch:
        return np.zeros((0, 2), dtype=np.intp), np.zeros(0)
    across = np.ascontiguousarray(cones.generators.transpose(0, 2, 1))
    apart = across[:, first] - across[:, second]
    lengths = np.sqrt(np.einsum("ber,ber->be", apart, apart))
    products = (across.reshape(-1, dimension) @ rows.x.T).astype(np.float32).reshape(batch, dimension, -1)
    plus = rows.plus.astype(np.float32)
    losses = np.empty((batch, len(first)))
    for edge, (a, b) in enumerate(zip(first, second, strict=True)):
        # relu(a) + relu(b) - relu(a + b) is the smaller length where the signs differ, and zero elsewhere
        one, other = products[:, a], products[:, b]
        losses[:, edge] = np.where((one < 0) != (other < 0), np.minimum(np.abs(one), np.abs(other)), 0) @ plus
    shares = coordinates / np.maximum(np.sqrt(np.square(coordinates).sum(axis=1)), 1e-300)[:, None]
    scores = losses * (shares[:, first] * shares[:, second] + 1e-3)
    scores = np.where(scores.max(axis=1)[:, None] > 0.0, scores, lengths)
    best = scores.argmax(axis=1)
    return np.column_stack([first[best], second[best]]), lengths.max(axis=1)
