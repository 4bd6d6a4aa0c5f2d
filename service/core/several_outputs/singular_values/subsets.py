"""Counting and listing the choices that make stationary points, best first and capped."""

import heapq
from collections.abc import Iterator, Sequence
from math import comb

LISTED_AT_MOST = 100
"""Stationary points that one answer lists; more are counted."""


def subsets_by_gain(gains: Sequence[float], size: int) -> Iterator[tuple[int, ...]]:
    """Subsets of ``size`` indices in order of decreasing sum.

    Parameters
    ----------
    gains : sequence of float
        In decreasing order.
    size : int
        Between 0 and ``len(gains)``.

    Notes
    -----
    Each subset but the leading one comes from a better one by moving an index one place down, so that a heap
    lists them lazily at O(size log) each.
    """
    count = len(gains)
    start = tuple(range(size))
    heap = [(-sum(gains[:size]), start)]
    seen = {start}
    while heap:
        _, subset = heapq.heappop(heap)
        yield subset
        for place in range(size):
            moved = subset[place] + 1
            if moved >= count or (place + 1 < size and subset[place + 1] == moved):
                continue
            successor = (*subset[:place], moved, *subset[place + 1 :])
            if successor not in seen:
                seen.add(successor)
                heapq.heappush(heap, (-sum(gains[index] for index in successor), successor))


def best_subsets(gains: Sequence[float], largest: int, cap: int = LISTED_AT_MOST) -> list[tuple[int, ...]]:
    """At most ``cap`` subsets of up to ``largest`` indices with the greatest sums, best first."""
    streams = [((-sum(gains[i] for i in s), s) for s in subsets_by_gain(gains, size)) for size in range(largest + 1)]
    merged = heapq.merge(*streams)
    return [subset for _, (_, subset) in zip(range(cap), merged, strict=False)]


def count_subsets(count: int, largest: int) -> int:
    """Number of subsets of at most ``largest`` of ``count`` indices."""
    return sum(comb(count, size) for size in range(min(count, largest) + 1))


def count_choices(options: Sequence[int], largest: int) -> int:
    """Ways to pick at most ``largest`` indices, index i in ``options[i]`` ways, each 0, 1 or 2."""
    double, single = sum(number == 2 for number in options), sum(number == 1 for number in options)
    total = 0
    for twice in range(min(double, largest) + 1):
        total += comb(double, twice) * 2**twice * count_subsets(single, largest - twice)
    return total


def choices_by_size(options: Sequence[int], largest: int) -> Iterator[tuple[tuple[int, int], ...]]:
    """Every pick of at most ``largest`` (index, option) pairs, smaller picks and leading indices first."""

    def extend(first: int, left: int) -> Iterator[tuple[tuple[int, int], ...]]:
        for index in range(first, len(options) - left + 1):
            for option in range(options[index]):
                if left == 1:
                    yield ((index, option),)
                    continue
                for rest in extend(index + 1, left - 1):
                    yield ((index, option), *rest)

    yield ()
    for size in range(1, min(largest, len(options)) + 1):
        yield from extend(0, size)
