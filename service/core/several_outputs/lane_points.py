"""Stationary points of decayed networks whose singular values separate, with classes, transitions and barrier.

A stationary point puts each of at most ``bound`` singular values on one of its scalar roots and the others on zero.
See ``docs/theory/factorisation.md``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, islice
from math import sqrt
from operator import attrgetter
from typing import TypeAlias

import numpy as np

from service.core.ground.numbers.exceeding import exceeds
from service.core.ground.results import StationaryPoint, Transition
from service.core.several_outputs.scalar_bounds import scalar_minimisers
from service.core.several_outputs.shrinkage import Root, Shrinkage
from service.core.several_outputs.subsets import LISTED_AT_MOST, choices_by_size, count_choices
from service.vocabulary import Evidence, PointClass, PointKind

TIE_TOLERANCE = 1e-12

Choice: TypeAlias = Sequence[tuple[int, Root]]

# looked up once: there are hundreds of points
SUBSET, PROVED, STRICT_SADDLE = PointKind.SINGULAR_SUBSET, Evidence.PROVED, PointClass.STRICT_SADDLE


@dataclass(frozen=True)
class Lanes:
    """Singular values of a target, each of which a lane of the network may carry.

    Attributes
    ----------
    shrinkage : Shrinkage
    targets : tuple of float
        Singular values of the target, descending.
    bound : int
        Largest rank of the product.
    residual : float
        Loss that no map removes.
    scale : float
        Root mean square of the inputs; norms are of the map in the inputs' own units.
    inverse_decays : float
        ``sum_l 1/g_l`` with the decays as given, which turns lanes into parameter norms.
    """

    shrinkage: Shrinkage
    targets: tuple[float, ...]
    bound: int
    residual: float
    scale: float
    inverse_decays: float

    @cached_property
    def zero_loss(self) -> float:
        """Loss of the zero map."""
        return self.residual + sum(target * target for target in self.targets)

    @cached_property
    def active(self) -> tuple[Root, ...]:
        """Stable roots of the leading singular values that beat zero: the global minimum."""
        found: list[Root] = []
        for target, roots in zip(self.targets[: self.bound], self._roots, strict=False):
            if target <= self.shrinkage.global_threshold or not roots or not roots[-1].stable:
                break
            found.append(roots[-1])
        return tuple(found)

    @cached_property
    def _roots(self) -> tuple[tuple[Root, ...], ...]:
        """Positive stationary points of each scalar problem, the stable one last; none within rounding of zero."""
        if self.shrinkage.n_layers == 2:
            learned = [exceeds(target, self.shrinkage.unit) for target in self.targets]
            return tuple(
                self.shrinkage.roots(target) if on else () for target, on in zip(self.targets, learned, strict=True)
            )
        return tuple(self.shrinkage.roots(target) for target in self.targets)

    @cached_property
    def _group(self) -> tuple[int, ...]:
        """Number of the group of tied targets that each index belongs to."""
        groups: list[int] = []
        for index, target in enumerate(self.targets):
            tied = index and self.targets[index - 1] - target <= TIE_TOLERANCE * self.targets[0]
            groups.append(groups[-1] + (not tied) if index else 0)
        return tuple(groups)

    @cached_property
    def _alive(self) -> int:
        """Leading targets for which zero has a direction of descent (two layers only)."""
        if self.shrinkage.n_layers > 2:
            return 0
        return sum(exceeds(target, self.shrinkage.unit) for target in self.targets[: self.bound])

    def loss_of(self, choice: Choice) -> float:
        """Loss with the chosen (index, root) pairs on and all else off."""
        quick = self.zero_loss
        for index, root in choice:
            quick += root.value - self.targets[index] ** 2
        if quick > 1e-2 * self.zero_loss:
            return quick
        # a small loss is summed without the cancellation
        on = {index for index, _ in choice}
        rest = sum(target * target for index, target in enumerate(self.targets) if index not in on)
        return self.residual + rest + sum(root.value for _, root in choice)

    def class_of(self, choice: Choice) -> PointClass:
        """Class of the point with the chosen (index, root) pairs on, ascending in the index, and all else off.

        Notes
        -----
        Where larger targets never have the smaller singular values, sorted singular values against sorted targets
        bound the loss from below everywhere near the point; otherwise a rotation of the outer layers descends.
        """
        if not self._aligned(choice):
            return STRICT_SADDLE
        inflected = False
        if self.shrinkage.n_layers > 2:
            for index in self._unstable(choice):
                if not self.shrinkage.at_inflection(self.targets[index]):
                    return STRICT_SADDLE
                inflected = True
        if len(choice) < self._alive:
            return STRICT_SADDLE
        if inflected:
            return PointClass.NON_STRICT_SADDLE
        return PointClass.GLOBAL_MINIMUM if self._is_lowest(choice) else PointClass.LOCAL_MINIMUM

    def _is_lowest(self, choice: Choice) -> bool:
        """Whether a choice of stable roots differs from the minimum in lanes only that cost the same on as off.

        Notes
        -----
        Lane by lane, for in the sum of all a small gain would drown.  Tied targets stand for each other.
        """
        count = len(self.active)
        groups = [self._group[index] for index, _ in choice]
        if groups[:count] != list(self._group[: min(count, len(groups))]):
            return False
        differing = choice[count:] if len(choice) > count else list(enumerate(self.active))[len(choice) :]
        return all(
            abs(root.value - self.targets[index] ** 2) <= TIE_TOLERANCE * self.targets[index] ** 2
            for index, root in differing
        )

    def _aligned(self, choice: Choice) -> bool:
        """Whether no strictly larger target has a strictly smaller singular value."""
        if not choice:
            return True
        last = choice[-1][0]
        if last >= len(choice):
            if self._group[last] == last:
                # no ties up to here, so that a gap below a chosen index is a larger target switched off
                return False
        elif not self._unstable(choice):
            # stable roots grow with their targets
            return True
        products = {index: root.product for index, root in choice}
        least_above, least_here, group = float("inf"), float("inf"), 0
        for index in range(last + 1):
            if self._group[index] != group:
                least_above, least_here, group = min(least_above, least_here), float("inf"), self._group[index]
            product = products.get(index, 0.0)
            if product > least_above * (1.0 + TIE_TOLERANCE):
                return False
            least_here = min(least_here, product)
        return True

    def _unstable(self, choice: Choice) -> list[int]:
        """Indices whose root is unstable; two layers have stable roots only."""
        return [index for index, root in choice if not root.stable] if self.shrinkage.n_layers > 2 else []

    def point(self, choice: Choice) -> StationaryPoint:
        """The choice as an entry of the list of stationary points."""
        products = lanes = 0.0
        for _, root in choice:
            products += root.product**2
            lanes += root.lane**2
        return self._entry(choice, self.loss_of(choice), products, lanes)

    def _entry(self, choice: Choice, loss: float, products: float, lanes: float) -> StationaryPoint:
        """`point` from the sums of squares of products and lanes."""
        label: dict[str, int | float | str | list[int]] = {
            "subset": [index for index, _ in choice],
            "unstable": self._unstable(choice),
        }
        return StationaryPoint(
            SUBSET,
            loss,
            self.class_of(choice),
            PROVED,
            sqrt(products) / self.scale,
            sqrt(lanes * self.inverse_decays),
            label,
        )

    def _leading_points(self, roots: Sequence[Root]) -> list[StationaryPoint]:
        """The points with the first 1, 2, .. of ``roots`` on, which are the local minima, by running sums."""
        gone = list(accumulate((target * target for target in reversed(self.targets)), initial=0.0))
        values = accumulate(root.value for root in roots)
        products = accumulate(root.product**2 for root in roots)
        lanes = accumulate(root.lane**2 for root in roots)
        choice = list(enumerate(roots))
        return [
            self._entry(choice[:size], self.residual + value + gone[len(self.targets) - size], product, lane)
            for size, (value, product, lane) in enumerate(zip(values, products, lanes, strict=True), 1)
        ]

    def points(self, cap: int = LISTED_AT_MOST) -> tuple[list[StationaryPoint], str]:
        """Stationary points other than zero, modulo symmetry, and what is proved about the list.

        Notes
        -----
        Where there are more than ``cap`` the families of local minima come first, then picks of few directions.
        """
        # the stable root first, so that leading picks are the local minima
        options = [tuple(reversed(found)) for found in self._roots]
        counts = [len(found) for found in options]
        total = count_choices(counts, self.bound) - 1
        leading = sum(bool(found) for found in options[: self.bound])
        families = {tuple((index, 0) for index in range(size)) for size in range(1, leading + 1)}
        # the last direction of a family's pick is as many as there are before it
        picks = (pick for pick in choices_by_size(counts, self.bound) if pick)
        others = (pick for pick in picks if pick[-1][0] >= len(pick) or pick not in families)
        points = self._leading_points([found[0] for found in options[: min(leading, cap)]])
        rest = islice(others, max(cap - len(families), 0))
        points += [self.point([(index, options[index][option]) for index, option in pick]) for pick in rest]
        points.sort(key=attrgetter("loss"), reverse=True)
        completeness = (
            f"proved: {total} stationary points other than zero, modulo orthogonal changes of the hidden coordinates; "
            f"{'all' if len(points) == total else len(points)} are listed"
        )
        return points, completeness

    def transitions(self) -> tuple[Transition, ...]:
        """Decay scales at which the global minimum loses a direction, ascending; ties count as one."""
        learnable = np.array([target for target in self.targets[: self.bound] if target > 0.0])
        threshold, layers = self.shrinkage.global_threshold, self.shrinkage.n_layers
        count, order = learnable.size, 2 if layers == 2 else 1
        if not count:
            return ()
        # the last of each group of ties, weakest first, and how many stay on after it
        lasts = [i for i in range(count - 1, -1, -1) if i + 1 == count or self._group[i] != self._group[i + 1]]
        kept = np.array([*(index + 1 for index in lasts[1:]), 0])
        scales = [self.shrinkage.scale_reaching(float(learnable[index]), threshold) for index in lasts]
        there = [self.shrinkage.scaled(scale) for scale in scales]
        penalties = np.array([task.penalty for task in there])[:, None]
        products = scalar_minimisers(learnable, penalties, 2.0 / layers)
        after = np.sum(np.where(np.arange(count) < kept[:, None], products**2, 0.0), axis=1)
        jumps = np.array([task.jump for task in there])
        before = after + (np.array(lasts) + 1 - kept) * jumps**2
        norms = zip(np.sqrt(before) / self.scale, np.sqrt(after) / self.scale, strict=True)
        return tuple(
            Transition(scale, order, float(high), float(low)) for scale, (high, low) in zip(scales, norms, strict=True)
        )

    def barrier(self) -> tuple[float | None, str]:
        """Height of the barrier between zero and the global minimum, three or more layers, or why it is unknown.

        Notes
        -----
        Up to the unstable root of the leading target one direction alone is the cheapest map of its norm, so its
        barrier is the one of the definition unless a later direction rises above it; the path that learns one
        direction after the other bounds that from above.
        """
        if not self.active:
            return 0.0, ""
        level, first = 0.0, 0.0
        for index in range(len(self.active)):
            unstable = self._roots[index][0]
            rise = unstable.value - self.targets[index] ** 2
            if index == 0:
                first = rise
            elif level + rise > first:
                return None, "a later singular direction may rise above the barrier of the first"
            level += self.active[index].value - self.targets[index] ** 2
        return first, ""
