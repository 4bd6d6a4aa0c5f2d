"""Inputs and targets of any size: bounds that hold, refusals that name the magnitude, never an error of the server."""

from collections import Counter

import pytest

from tests.support.sizes import broken, sized

SEEDS = 120


@pytest.mark.parametrize("first", range(0, SEEDS, 20))
def test_answers_hold_whatever_the_size(first: int) -> None:
    found = {seed: broken(sized(seed)) for seed in range(first, first + 20)}
    assert not {seed: laws for seed, (_, laws) in found.items() if laws}
    statuses = Counter(status for status, _ in found.values())
    # most of these are answered, and most of the answers are proved to be minima
    assert statuses["exact"] + statuses["certified"] >= 8
