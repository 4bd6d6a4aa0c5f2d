"""Upper bounds of a correlation on simplicial cones, many cones at a time.

On a cone spanned by the columns of T the positive part of ``g = p - q`` is at most the linear interpolation of its
values at the generators, and the negative part at least ``s.u`` for every s that weighs the rows by factors in [0, 1].
Both bounds, and what follows from them, are in ``docs/theory/relu-networks.md``.
"""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from service.core.ground.numbers.arrays import BoolArray, FloatArray, IntArray
from service.core.relu.kernel import KERNEL
from service.core.relu.nnls import non_negative
from service.core.relu.rows import WeightedRows

_STEPS: Final = 2
"""Frank-Wolfe steps for every cone."""
_ROUNDS: Final = 12
"""Rounds of the fully corrective method, for cones that it can still close."""


@dataclass(slots=True)
class SimplicialCones:
    """Simplicial cones.

    Attributes
    ----------
    generators : (b, r, r) array
        One cone each; its columns are directions.
    inverse : (b, r, r) array
        Their inverses, up to rounding: nothing that is proved depends on these.
    """

    generators: FloatArray
    inverse: FloatArray

    def __len__(self) -> int:
        """Number of cones."""
        return len(self.generators)

    def __getitem__(self, chosen: IntArray | BoolArray | slice) -> Self:
        """Some of the cones."""
        return type(self)(self.generators[chosen], self.inverse[chosen])

    @classmethod
    def orthants(cls, dimension: int) -> Self:
        """The 2^r orthants, which cover the space."""
        signs = np.array(np.meshgrid(*[(1.0, -1.0)] * dimension, indexing="ij")).reshape(dimension, -1).T
        generators = signs[:, :, None] * np.eye(dimension)
        return cls(generators, generators.copy())

    @classmethod
    def spanned(cls, generators: FloatArray) -> Self:
        """Cones with given generators (b, r, r)."""
        return cls(generators, np.asarray(np.linalg.inv(generators), dtype=np.float64))

    def split(self, first: IntArray, second: IntArray) -> Self:
        """Two cones for each, by the middle of the edge between two generators (b,) each."""
        each = np.arange(len(self))
        middle = self.generators[each, :, first] + self.generators[each, :, second]
        length = np.sqrt(np.einsum("br,br->b", middle, middle))
        middle /= length[:, None]
        halves = []
        for replaced, kept in ((first, second), (second, first)):
            generators, inverse = self.generators.copy(), self.inverse.copy()
            generators[each, :, replaced] = middle
            inverse[each, kept] -= inverse[each, replaced]
            inverse[each, replaced] *= length[:, None]
            halves.append((generators, inverse))
        return type(self)(*(np.concatenate(pair) for pair in zip(*halves, strict=True)))


@dataclass(frozen=True, slots=True)
class Bounded:
    """What is known of each cone.

    Attributes
    ----------
    bound : (b,) array
        Upper bound of the correlation over its units of length at most one, rounding aside.
    direction : (b, r) array
        Where the relaxed correlation is largest, of length one; zero where it is nowhere positive.
    value : (b,) array
        The true correlation there.
    coordinates : (b, r) array
        Of ``direction`` in the generators.
    """

    bound: FloatArray
    direction: FloatArray
    value: FloatArray
    coordinates: FloatArray


class _Relaxed:
    """The relaxation on a batch of cones, and the best bound so far of each."""

    def __init__(self, rows: WeightedRows, cones: SimplicialCones) -> None:
        self.rows = rows
        self.cones = cones
        batch, dimension = cones.generators.shape[:2]
        across = np.ascontiguousarray(cones.generators.transpose(0, 2, 1))
        heights = np.maximum(across.reshape(-1, dimension) @ rows.x.T, 0.0)
        self.heights = rows.positive(heights, across.reshape(-1, dimension)).reshape(batch, dimension)
        self.across = across
        gram = across @ cones.generators
        self.gram = np.ascontiguousarray(gram.transpose(1, 2, 0))
        centre = across.sum(axis=1)
        centre /= np.sqrt(np.einsum("br,br->b", centre, centre))[:, None]
        self.centre = centre
        # every unit of the cone has coordinates whose sum is at most this
        self.most = 1.0 / np.einsum("bkr,br->bk", across, centre).min(axis=1)
        self.bound = np.full(batch, np.inf)
        self.direction = np.zeros((batch, dimension))
        self.value = np.full(batch, -np.inf)
        self.coordinates = np.zeros((batch, dimension))

    def projected(self, below: FloatArray, chosen: IntArray | slice, free: BoolArray | None) -> FloatArray:
        """Coordinates (r, b) of the projection of the interpolation less ``below`` (b, r) on the cones."""
        right = self.heights[chosen] - np.einsum("bkr,br->bk", self.across[chosen], below)
        return non_negative(self.gram[:, :, chosen], np.ascontiguousarray(right.T), free)

    def spanned(self, coordinates: FloatArray) -> FloatArray:
        """Points (b, r) of coordinates (r, b)."""
        return np.asarray(np.einsum("bkr,kb->br", self.across, coordinates))

    def record(self, below: FloatArray, points: FloatArray, chosen: IntArray | slice) -> None:
        """Take the bound that a lower bound ``below.u`` (b, r) of the negative part gives, near projections (b, r).

        For every w, ``c.u <= |w| + sum of coordinates x max_k (c - w).t_k``: no inverse enters, and rounding can only
        make the bound larger.
        """
        across = self.across[chosen]
        lengths = np.sqrt(np.einsum("br,br->b", points, points))
        excess = (self.heights[chosen] - np.einsum("bkr,br->bk", across, below + points)).max(axis=1)
        bound = lengths + np.maximum(excess, 0.0) * self.most[chosen]
        better = bound < self.bound[chosen]
        self.bound[chosen] = np.where(better, bound, self.bound[chosen])

    def below(self, points: FloatArray, chosen: IntArray | slice) -> FloatArray:
        """The slope (b, r) of the negative part at points (b, r), whose true correlation is kept if it is the best."""
        rows = self.rows
        products = points @ rows.x.T
        active = (products > 0.0).astype(float)
        slopes = (active * rows.minus) @ rows.x
        lengths = np.sqrt(np.einsum("br,br->b", points, points))
        safe = np.where(lengths > 0.0, lengths, 1.0)
        true = rows.true(active * products, points) / safe
        improved = true > self.value[chosen]
        self.value[chosen] = np.where(improved, true, self.value[chosen])
        self.direction[chosen] = np.where(improved[:, None], points / safe[:, None], self.direction[chosen])
        return np.asarray(slopes)

    def attained(
        self, coordinates: FloatArray, slopes: FloatArray, points: FloatArray, chosen: IntArray | slice
    ) -> FloatArray:
        """The relaxed correlation over the length: no bound of this relaxation can fall below it."""
        lengths = np.sqrt(np.einsum("br,br->b", points, points))
        relaxed = np.einsum("bk,kb->b", self.heights[chosen], coordinates) - np.einsum("br,br->b", slopes, points)
        return np.asarray(relaxed / np.where(lengths > 0.0, lengths, 1.0))


def bounded(rows: WeightedRows, cones: SimplicialCones, target: float) -> Bounded:
    """Bound the correlation on cones; more work goes into those that can still fall below a target.

    Complexity: ``O(b (n r^2 + r^3))`` with some tens of passes.
    """
    if KERNEL is not None and rows.x.shape[1] <= KERNEL.most_rank:
        across = np.ascontiguousarray(cones.generators.transpose(0, 2, 1))
        return Bounded(*KERNEL.bounded((rows.x, rows.plus, rows.minus, rows.linear), across, cones.inverse, target))
    # the least squares of a cone that is too thin has no solution in doubles: what is not a number improves no bound
    return plainly_bounded(rows, cones, target)


def plainly_bounded(rows: WeightedRows, cones: SimplicialCones, target: float) -> Bounded:
    """The same by numpy alone, for rows of any kind."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return _bounded(_Relaxed(rows, cones), target)


def _bounded(relaxed: _Relaxed, target: float) -> Bounded:
    rows, cones = relaxed.rows, relaxed.cones
    everything = slice(None)
    below = np.zeros((len(cones), rows.x.shape[1]))
    coordinates = relaxed.projected(below, everything, None)
    points = relaxed.spanned(coordinates)
    relaxed.record(below, points, everything)
    atoms = []
    low = np.full(len(cones), -np.inf)
    for step in range(_STEPS):
        slopes = relaxed.below(points, everything)
        low = np.maximum(low, relaxed.attained(coordinates, slopes, points, everything))
        atoms.append(slopes)
        move = slopes - below
        square = np.einsum("br,br->b", move, move)
        along = np.einsum("br,br->b", move, points) / np.where(square > 0.0, square, 1.0)
        share = np.ones(len(cones)) if step == 0 else np.clip(along, 0.0, 1.0)
        below = below + share[:, None] * move
        coordinates = relaxed.projected(below, everything, coordinates > 0.0)
        points = relaxed.spanned(coordinates)
        relaxed.record(below, points, everything)
        relaxed.coordinates = coordinates.T
    open_ = np.flatnonzero((relaxed.bound > target) & (low <= target))
    if len(open_) and rows.minus.any():
        _correct(relaxed, [atom[open_] for atom in atoms], open_, target, low[open_])
    left = np.flatnonzero((relaxed.bound > target) & (relaxed.value <= target))
    if len(left):
        # no projection, which thin cones spoil: tight where all generators are close to each other
        centre = relaxed.centre[left]
        relaxed.record(relaxed.below(centre, left), np.zeros_like(centre), left)
    return Bounded(relaxed.bound, relaxed.direction, relaxed.value, relaxed.coordinates)


def _correct(relaxed: _Relaxed, atoms: list[FloatArray], chosen: IntArray, target: float, low: FloatArray) -> None:
    """The fully corrective method: the best mixture of all slopes met so far, by one least squares problem a round.

    The shortest point of ``conv{c - s_k} + cone(inverse')`` has the same weights, up to scale, as the least squares
    problem with one more row (rho, .., rho | 0).
    """
    dimension = relaxed.rows.x.shape[1]
    most = dimension + 2
    inverse = relaxed.cones.inverse[chosen]
    dual = np.einsum("bij,bkj->ikb", inverse, inverse)
    interpolated = np.einsum("bk,bkj->bj", relaxed.heights[chosen], inverse)
    slopes = np.stack(atoms, axis=1)
    free = None
    for _ in range(_ROUNDS):
        count = slopes.shape[1]
        vectors = interpolated[:, None] - slopes
        rho = np.einsum("bar,bar->b", vectors, vectors) / count + 1e-300
        gram = np.empty((count + dimension, count + dimension, len(chosen)))
        gram[:count, :count] = np.einsum("bar,bcr->acb", vectors, vectors) + rho
        cross = np.einsum("bar,bkr->akb", vectors, inverse)
        gram[:count, count:] = cross
        gram[count:, :count] = cross.transpose(1, 0, 2)
        gram[count:, count:] = dual
        size = count + dimension
        gram[np.arange(size), np.arange(size)] *= 1.0 + 1e-12
        right = np.concatenate([np.broadcast_to(rho, (count, len(chosen))), np.zeros((dimension, len(chosen)))])
        solved = non_negative(gram, right, free)
        weights = solved[:count]
        total = weights.sum(axis=0)
        some = total > 0.0
        solved = np.where(some, solved / np.where(some, total, 1.0), 0.0)
        weights = np.where(some, solved[:count], 1.0 / count)
        below = np.einsum("ab,bar->br", weights, slopes)
        # the shortest point itself; its coordinates are of use where no rounding has spoilt them
        points = interpolated - below + np.einsum("kb,bkr->br", solved[count:], inverse)
        coordinates = np.maximum(np.einsum("bkr,br->kb", inverse, points), 0.0)
        relaxed.record(below, points, chosen)
        relaxed.coordinates[chosen] = coordinates.T
        new = relaxed.below(points, chosen)
        low = np.maximum(low, relaxed.attained(coordinates, new, points, chosen))
        bound = relaxed.bound[chosen]
        kept = (bound > target) & (low <= target) & (bound - low > 1e-12 * bound)
        if not kept.any():
            return
        free = solved > 0.0
        if count == most:
            each, lightest = np.arange(len(chosen)), weights.argmin(axis=0)
            slopes = slopes.copy()
            slopes[each, lightest] = new
            free[lightest, each] = True
        else:
            slopes = np.concatenate([slopes, new[:, None]], axis=1)
            free = np.concatenate([free[:count], np.ones((1, len(chosen)), dtype=bool), free[count:]])
        chosen, low, slopes, free = chosen[kept], low[kept], slopes[kept], free[:, kept]
        inverse, interpolated, dual = inverse[kept], interpolated[kept], dual[:, :, kept]
