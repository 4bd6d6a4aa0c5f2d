"""Choose one option a group: the linear relaxation, room left over filled, then every choice that could be better.

Options that no better choice contains are told by the multiplier (reduced costs); what is left is merged group by
group, and of partial choices those that weigh no less and are worth no less than another are dropped (Pisinger 1995).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from service.core.compression.relaxation import OptionGroup, allowance, relaxed
from service.core.ground.numbers.arrays import BoolArray, FloatArray, IntArray

EFFORT = 6_000_000
"""Partial choices that are looked at; beyond, some are dropped, and the bound is that of the relaxation."""


@dataclass(frozen=True)
class Choice:
    """An option of each group.

    Attributes
    ----------
    chosen : (g,) array of int
    weight, value : float
        Totals.
    bound : float
        No choice within the capacity has a lower value.
    optimal : bool
        Whether every choice that could be better was looked at; ``bound`` is then ``value`` less rounding.
    """

    chosen: IntArray
    weight: float
    value: float
    bound: float
    optimal: bool


@dataclass(frozen=True)
class _Partial:
    """Choices of the groups so far, an entry each."""

    weight: FloatArray
    value: FloatArray
    gap: FloatArray
    """By how much the priced value exceeds the least of the groups so far."""


def choose(groups: Sequence[OptionGroup], capacity: float, effort: int = EFFORT) -> Choice:
    """The choice of least value within a capacity, which is at least the weight of the first options.

    Parameters
    ----------
    groups : sequence of OptionGroup
    capacity : float
    effort : int
        Partial choices that may be looked at.
    """
    found = relaxed(groups, capacity)
    chosen = _filled(groups, capacity, found.chosen)
    rounding = allowance(groups, capacity, found.multiplier)
    best = _value(groups, chosen)
    if best - found.bound <= 2.0 * rounding:
        return _made(groups, chosen, found.bound, optimal=True)
    better, complete = _searched(groups, capacity, found.multiplier, best - found.bound, effort)
    if better is not None and _value(groups, better) < best:
        chosen = better
    bound = max(found.bound, _value(groups, chosen) - rounding) if complete else found.bound
    return _made(groups, chosen, bound, optimal=complete)


def _made(groups: Sequence[OptionGroup], chosen: IntArray, bound: float, *, optimal: bool) -> Choice:
    weight = float(sum(group.weights[place] for group, place in zip(groups, chosen, strict=True)))
    return Choice(chosen, weight, _value(groups, chosen), bound, optimal)


def _value(groups: Sequence[OptionGroup], chosen: IntArray) -> float:
    return float(np.sum([group.values[place] for group, place in zip(groups, chosen, strict=True)]))


def _filled(groups: Sequence[OptionGroup], capacity: float, chosen: IntArray) -> IntArray:
    """Use the room that is left: the largest gain that fits, again and again; options off the hulls count, too."""
    chosen = chosen.copy()
    left = capacity - float(sum(group.weights[place] for group, place in zip(groups, chosen, strict=True)))
    for _ in groups:
        reached = [
            int(np.searchsorted(group.weights, group.weights[place] + left, side="right")) - 1
            for group, place in zip(groups, chosen, strict=True)
        ]
        gains = [
            float(group.values[place] - group.values[further])
            for group, place, further in zip(groups, chosen, reached, strict=True)
        ]
        best = int(np.argmax(gains))
        if gains[best] <= 0.0:
            break
        left -= float(groups[best].weights[reached[best]] - groups[best].weights[chosen[best]])
        chosen[best] = reached[best]
    return chosen


def _searched(
    groups: Sequence[OptionGroup], capacity: float, multiplier: float, gap: float, effort: int
) -> tuple[IntArray | None, bool]:
    """The best of the choices within ``gap`` of the bound, and whether none was left out; None if none is."""
    priced = [group.values + multiplier * group.weights for group in groups]
    gaps = [each - each.min() for each in priced]
    kept = [np.flatnonzero(each <= gap) for each in gaps]
    order = sorted(range(len(groups)), key=lambda place: kept[place].size)
    lightest = np.array([float(groups[place].weights[kept[place][0]]) for place in order])
    heaviest = np.array([float(groups[place].weights[kept[place][-1]]) for place in order])
    partial = _Partial(np.zeros(1), np.zeros(1), np.zeros(1))
    parents: list[tuple[IntArray, IntArray]] = []
    complete, quota = True, max(effort // len(groups), 1)
    for step, place in enumerate(order):
        group, options = groups[place], kept[place]
        room = max(quota // options.size, 1)
        if partial.weight.size > room:
            complete = False
            some = _spread(partial, room)
            partial = _Partial(partial.weight[some], partial.value[some], partial.gap[some])
            parents[-1] = (parents[-1][0][some], parents[-1][1][some])
        before, option = np.divmod(np.arange(partial.weight.size * options.size), options.size)
        merged = _Partial(
            partial.weight[before] + group.weights[options][option],
            partial.value[before] + group.values[options][option],
            partial.gap[before] + gaps[place][options][option],
        )
        unused = np.maximum(capacity - merged.weight - heaviest[step + 1 :].sum(), 0.0)
        fits = merged.weight + lightest[step + 1 :].sum() <= capacity
        good = np.flatnonzero(fits & (merged.gap + multiplier * unused <= gap))
        good = good[_undominated(merged.weight[good], merged.value[good])]
        if not good.size:
            return None, complete
        partial = _Partial(merged.weight[good], merged.value[good], merged.gap[good])
        parents.append((before[good], options[option[good]]))
    return _traced(order, parents, int(np.argmin(partial.value))), complete


def _spread(partial: _Partial, room: int) -> IntArray:
    """Places of at most ``room`` partial choices, by weight: in each range of weights the nearest to the bound."""
    weight = partial.weight
    ranges = ((weight - weight[0]) / (weight[-1] - weight[0]) * (room - 1)).astype(np.intp)
    order = np.lexsort((partial.gap, ranges))
    nearest = order[np.append(True, np.diff(ranges[order]) > 0)]
    return np.sort(nearest)


def _undominated(weight: FloatArray, value: FloatArray) -> IntArray:
    """Places of those that are worth less than all that weigh no more, by weight."""
    order = np.lexsort((value, weight))
    sorted_value = value[order]
    least = np.minimum.accumulate(sorted_value)
    first: BoolArray = np.append(True, sorted_value[1:] < least[:-1])[: order.size]
    return order[first]


def _traced(order: Sequence[int], parents: Sequence[tuple[IntArray, IntArray]], last: int) -> IntArray:
    """The option of each group behind one of the last partial choices."""
    chosen: IntArray = np.zeros(len(order), dtype=np.intp)
    for place, (before, option) in zip(reversed(order), reversed(parents), strict=True):
        chosen[place] = option[last]
        last = int(before[last])
    return chosen
