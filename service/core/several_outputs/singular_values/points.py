"""Stationary points of lanes as the list that an answer gives: local minima first, all counted.

See ``docs/theory/factorisation.md``.
"""

from collections.abc import Sequence
from itertools import accumulate, islice
from math import sqrt
from operator import attrgetter
from typing import NamedTuple

from service.core.ground.results import StationaryPoint
from service.core.several_outputs.singular_values.lanes import Choice, Lanes
from service.core.several_outputs.singular_values.shrinkage import Root
from service.core.several_outputs.singular_values.subsets import LISTED_AT_MOST, choices_by_size, count_choices
from service.vocabulary import Evidence, PointKind

SUBSET, PROVED = PointKind.SINGULAR_SUBSET, Evidence.PROVED
"""Looked up once: there are hundreds of points."""


class Option(NamedTuple):
    """A singular value on one of its roots, with what that adds to the sums of a point."""

    chosen: tuple[int, Root]
    gain: float
    product: float
    share: float


def options_of(lanes: Lanes) -> list[list[Option]]:
    """The options of each singular value; the stable root first, so that leading picks are the local minima."""
    return [
        [Option((index, root), root.value - target * target, root.product**2, root.lane**2) for root in reversed(roots)]
        for index, (target, roots) in enumerate(zip(lanes.targets, lanes.roots, strict=True))
    ]


def _point(lanes: Lanes, picked: Sequence[Option]) -> StationaryPoint:
    """The picked options as an entry of the list of stationary points."""
    quick, products, shares, choice = lanes.zero_loss, 0.0, 0.0, []
    for chosen, gain, product, share in picked:
        quick += gain
        products += product
        shares += share
        choice.append(chosen)
    return _entry(lanes, choice, lanes.loss_near(quick, choice), products, shares)


def _entry(lanes: Lanes, choice: Choice, loss: float, products: float, shares: float) -> StationaryPoint:
    """A point from the sums of squares of products and of what each layer carries."""
    label: dict[str, int | float | str | list[int]] = {
        "subset": [index for index, _ in choice],
        "unstable": lanes.unstable(choice),
    }
    return StationaryPoint(
        SUBSET,
        loss,
        lanes.class_of(choice),
        PROVED,
        sqrt(products) / lanes.scale,
        sqrt(shares * lanes.inverse_decays),
        label,
    )


def _leading_points(lanes: Lanes, roots: Sequence[Root]) -> list[StationaryPoint]:
    """The points with the first 1, 2, .. of ``roots`` on, which are the local minima, by running sums."""
    gone = list(accumulate((target * target for target in reversed(lanes.targets)), initial=0.0))
    values = accumulate(root.value for root in roots)
    products = accumulate(root.product**2 for root in roots)
    shares = accumulate(root.lane**2 for root in roots)
    choice = list(enumerate(roots))
    return [
        _entry(lanes, choice[:size], lanes.residual + value + gone[len(lanes.targets) - size], product, share)
        for size, (value, product, share) in enumerate(zip(values, products, shares, strict=True), 1)
    ]


def points(lanes: Lanes, cap: int = LISTED_AT_MOST) -> tuple[list[StationaryPoint], str]:
    """Stationary points other than zero, modulo symmetry, and what is proved about the list.

    Notes
    -----
    Where there are more than ``cap`` the families of local minima come first, then picks of few directions.
    """
    options = options_of(lanes)
    counts = [len(each) for each in options]
    total = count_choices(counts, lanes.bound) - 1
    leading = sum(bool(each) for each in options[: lanes.bound])
    picks = (pick for pick in choices_by_size(counts, lanes.bound) if pick)
    # a family of local minima has no gap before its last direction, and nothing but stable roots
    others = (pick for pick in picks if pick[-1][0] >= len(pick) or any(option for _, option in pick))
    found = _leading_points(lanes, [each[0].chosen[1] for each in options[: min(leading, cap)]])
    rest = islice(others, max(cap - leading, 0))
    found += [_point(lanes, [options[index][option] for index, option in pick]) for pick in rest]
    found.sort(key=attrgetter("loss"), reverse=True)
    completeness = (
        f"proved: {total} stationary points other than the origin, modulo orthogonal changes of the hidden "
        f"coordinates; "
        f"{'all' if len(found) == total else len(found)} are listed"
    )
    return found, completeness
