"""Decayed networks whose singular values separate: the global minimum, and the class of each stationary point.

A stationary point puts each of at most ``bound`` singular values on one of its scalar roots and the others on zero.
See ``docs/theory/factorisation.md``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from service.core.ground.numbers.cached import cached_property
from service.core.ground.numbers.exceeding import exceeds
from service.core.several_outputs.singular_values.shrinkage import Root, Shrinkage
from service.vocabulary import PointClass

TIE_TOLERANCE = 1e-12

Choice: TypeAlias = Sequence[tuple[int, Root]]

STRICT_SADDLE = PointClass.STRICT_SADDLE
"""Looked up once: there are hundreds of points."""


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
    def _deep(self) -> bool:
        """Whether there are more than two layers."""
        return self.shrinkage.n_layers > 2

    @cached_property
    def zero_loss(self) -> float:
        """Loss of the zero map."""
        return self.residual + sum(target * target for target in self.targets)

    @cached_property
    def active(self) -> tuple[Root, ...]:
        """Stable roots of the leading singular values that beat zero: the global minimum."""
        found: list[Root] = []
        for target, roots in zip(self.targets[: self.bound], self.roots, strict=False):
            if target <= self.shrinkage.global_threshold or not roots or not roots[-1].stable:
                break
            found.append(roots[-1])
        return tuple(found)

    @cached_property
    def roots(self) -> tuple[tuple[Root, ...], ...]:
        """Positive stationary points of each scalar problem, the stable one last; none within rounding of zero."""
        if not self._deep:
            learned = [exceeds(target, self.shrinkage.unit) for target in self.targets]
            return tuple(
                self.shrinkage.roots(target) if on else () for target, on in zip(self.targets, learned, strict=True)
            )
        return tuple(self.shrinkage.roots(target) for target in self.targets)

    @cached_property
    def groups(self) -> tuple[int, ...]:
        """Number of the group of tied targets that each index belongs to."""
        groups: list[int] = []
        for index, target in enumerate(self.targets):
            tied = index and self.targets[index - 1] - target <= TIE_TOLERANCE * self.targets[0]
            groups.append(groups[-1] + (not tied) if index else 0)
        return tuple(groups)

    @cached_property
    def _alive(self) -> int:
        """Leading targets for which zero has a direction of descent (two layers only)."""
        if self._deep:
            return 0
        return sum(exceeds(target, self.shrinkage.unit) for target in self.targets[: self.bound])

    def loss_near(self, quick: float, choice: Choice) -> float:
        """Loss with the chosen (index, root) pairs on and all else off.

        Parameters
        ----------
        quick : float
            The same as the loss of zero and what each pair gains.
        choice : sequence of (int, Root)

        Notes
        -----
        A small loss is summed without the cancellation.
        """
        if quick > 1e-2 * self.zero_loss:
            return quick
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
        if self._deep:
            for index in self.unstable(choice):
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
        groups = [self.groups[index] for index, _ in choice]
        if groups[:count] != list(self.groups[: min(count, len(groups))]):
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
            if self.groups[last] == last:
                # no ties up to here, so that a gap below a chosen index is a larger target switched off
                return False
        elif not self.unstable(choice):
            # stable roots grow with their targets
            return True
        products = {index: root.product for index, root in choice}
        least_above, least_here, group = float("inf"), float("inf"), 0
        for index in range(last + 1):
            if self.groups[index] != group:
                least_above, least_here, group = min(least_above, least_here), float("inf"), self.groups[index]
            product = products.get(index, 0.0)
            if product > least_above * (1.0 + TIE_TOLERANCE):
                return False
            least_here = min(least_here, product)
        return True

    def unstable(self, choice: Choice) -> list[int]:
        """Indices whose root is unstable; two layers have stable roots only."""
        return [index for index, root in choice if not root.stable] if self._deep else []
