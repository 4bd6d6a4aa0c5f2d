"""Stationary points of lanes as the list that an answer gives: local minima first, all counted.

See ``docs/theory/factorisation.md``.
"""

from collections.abc import Sequence
from itertools import accumulate, islice
from math import sqrt
from operator import attrgetter

from service.core.ground.results import StationaryPoint
from service.core.several_outputs.singular_values.lanes import Choice, Lanes
from service.core.several_outputs.singular_values.shrinkage import Root
from service.core.several_outputs.singular_values.subsets import LISTED_AT_MOST, choices_by_size, count_choices
from service.vocabulary import Evidence, PointKind

SUBSET, PROVED = PointKind.SINGULAR_SUBSET, Evidence.PROVED
"""Looked up once: there are hundreds of points."""


def point(lanes: Lanes, choice: Choice) -> StationaryPoint:
    """The choice as an entry of the list of stationary points."""
    products = shares = 0.0
    for _, root in choice:
        products += root.product**2
        shares += root.lane**2
    return _entry(lanes, choice, lanes.loss_of(choice), products, shares)


def _entry(lanes: Lanes, choice: Choice, loss: float, products: float, shares: float) -> StationaryPoint:
    """`point` from the sums of squares of products and of what each layer carries."""
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
    # the stable root first, so that leading picks are the local minima
    options = [tuple(reversed(each)) for each in lanes.roots]
    counts = [len(each) for each in options]
    total = count_choices(counts, lanes.bound) - 1
    leading = sum(bool(each) for each in options[: lanes.bound])
    families = {tuple((index, 0) for index in range(size)) for size in range(1, leading + 1)}
    # the last direction of a family's pick is as many as there are before it
    picks = (pick for pick in choices_by_size(counts, lanes.bound) if pick)
    others = (pick for pick in picks if pick[-1][0] >= len(pick) or pick not in families)
    found = _leading_points(lanes, [each[0] for each in options[: min(leading, cap)]])
    rest = islice(others, max(cap - len(families), 0))
    found += [point(lanes, [(index, options[index][option]) for index, option in pick]) for pick in rest]
    found.sort(key=attrgetter("loss"), reverse=True)
    completeness = (
        f"proved: {total} stationary points other than the origin, modulo orthogonal changes of the hidden "
        f"coordinates; "
        f"{'all' if len(found) == total else len(found)} are listed"
    )
    return found, completeness
