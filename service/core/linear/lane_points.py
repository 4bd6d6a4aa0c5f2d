"""Stationary points of decayed networks whose singular values separate, with classes, transitions and barrier.

A stationary point puts each of at most ``bound`` singular values on one of its scalar roots and the others on zero.
See ``docs/theory/factorisation.md``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from math import sqrt
from typing import TypeAlias

import numpy as np

from service.core.linear.scalar_bounds import scalar_minimisers
from service.core.linear.shrinkage import Root, Shrinkage
from service.core.linear.subsets import LISTED_AT_MOST, choices_by_size, count_choices
from service.core.results import StationaryPoint, Transition
from service.vocabulary import Evidence, PointClass, PointKind

TIE_TOLERANCE = 1e-12

Choice: TypeAlias = Sequence[tuple[int, Root]]


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
        for target in self.targets[: self.bound]:
            root = self.shrinkage.stable_root(target) if target > self.shrinkage.global_threshold else None
            if root is None:
                break
            found.append(root)
        return tuple(found)

    @cached_property
    def least_loss(self) -> float:
        """Loss of the global minimum."""
        return self.loss_of(list(enumerate(self.active)))

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
        edge = self.shrinkage.unit * (1.0 + TIE_TOLERANCE)
        return sum(target > edge for target in self.targets[: self.bound])

    def loss_of(self, choice: Choice) -> float:
        """Loss with the chosen (index, root) pairs on and all else off."""
        quick = self.zero_loss + sum(root.value - self.targets[index] ** 2 for index, root in choice)
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
        return self._class_at(choice, self.loss_of(choice))

    def _class_at(self, choice: Choice, loss: float) -> PointClass:
        if not self._aligned(choice):
            return PointClass.STRICT_SADDLE
        inflected = False
        for index, root in choice:
            if root.stable:
                continue
            if not self.shrinkage.at_inflection(self.targets[index]):
                return PointClass.STRICT_SADDLE
            inflected = True
        if len(choice) < self._alive:
            return PointClass.STRICT_SADDLE
        if inflected:
            return PointClass.NON_STRICT_SADDLE
        lowest = loss <= self.least_loss + TIE_TOLERANCE * self.zero_loss
        return PointClass.GLOBAL_MINIMUM if lowest else PointClass.LOCAL_MINIMUM

    def _aligned(self, choice: Choice) -> bool:
        """Whether no strictly larger target has a strictly smaller singular value."""
        if not choice:
            return True
        last = choice[-1][0]
        if self._group[last] == last and last >= len(choice):
            # no ties up to here, so that a gap below a chosen index is a larger target switched off
            return False
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

    def point(self, choice: Choice) -> StationaryPoint:
        """The choice as an entry of the list of stationary points."""
        loss = self.loss_of(choice)
        label: dict[str, int | float | str | list[int]] = {
            "subset": [index for index, _ in choice],
            "unstable": [index for index, root in choice if not root.stable],
        }
        return StationaryPoint(
            PointKind.SINGULAR_SUBSET,
            loss,
            self._class_at(choice, loss),
            Evidence.PROVED,
            sqrt(sum(root.product**2 for _, root in choice)) / self.scale,
            sqrt(sum(root.lane**2 for _, root in choice) * self.inverse_decays),
            label,
        )

    def points(self, cap: int = LISTED_AT_MOST) -> tuple[list[StationaryPoint], str]:
        """Stationary points other than zero, modulo symmetry, and what is proved about the list.

        Notes
        -----
        Where there are more than ``cap`` the families of local minima come first, then picks of few directions.
        """
        # the stable root first, so that leading picks are the local minima
        options = [tuple(reversed(self.shrinkage.roots(target))) for target in self.targets]
        counts = [len(found) for found in options]
        total = count_choices(counts, self.bound) - 1
        leading = sum(bool(found) for found in options[: self.bound])
        families = [tuple((index, 0) for index in range(size)) for size in range(1, leading + 1)]
        others = (pick for pick in choices_by_size(counts, self.bound) if pick and pick not in families)
        picks = [*families[:cap], *islice(others, max(cap - len(families), 0))]
        points = [self.point([(index, options[index][option]) for index, option in pick]) for pick in picks]
        points.sort(key=lambda point: -point.loss)
        completeness = (
            f"proved: {total} stationary points other than zero, modulo orthogonal changes of the hidden coordinates; "
            f"{'all' if len(points) == total else len(points)} are listed"
        )
        return points, completeness

    def transitions(self) -> tuple[Transition, ...]:
        """Decay scales at which the global minimum loses a direction, ascending; ties count as one."""
        learnable = np.array([target for target in self.targets[: self.bound] if target > 0.0])
        threshold, layers = self.shrinkage.global_threshold, self.shrinkage.n_layers
        order = 2 if layers == 2 else 1
        found: list[Transition] = []
        for index in range(learnable.size - 1, -1, -1):
            tied_below = index + 1 < learnable.size and self._group[index] == self._group[index + 1]
            if tied_below:
                continue
            kept = sum(self._group[j] != self._group[index] for j in range(index + 1))
            scale = self.shrinkage.scale_reaching(float(learnable[index]), threshold)
            there = self.shrinkage.scaled(scale)
            products = scalar_minimisers(learnable[:kept], there.penalty, 2.0 / layers)
            after = float(np.sum(products**2))
            before = after + (index + 1 - kept) * there.jump**2
            found.append(Transition(scale, order, sqrt(before) / self.scale, sqrt(after) / self.scale))
        return tuple(found)

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
            unstable = self.shrinkage.roots(self.targets[index])[0]
            rise = unstable.value - self.targets[index] ** 2
            if index == 0:
                first = rise
            elif level + rise > first:
                return None, "a later singular direction may rise above the barrier of the first"
            level += self.active[index].value - self.targets[index] ** 2
        return first, ""
