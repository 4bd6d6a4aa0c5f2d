"""Faults put into the arithmetic break the laws of bounds: what the other tests rest on is not idle."""

from typing import Final

import pytest

from tests.support.raw_mutations import MUTATIONS, broken_laws, mutated
from tests.support.raw_scan import scan_problem

SEEDS: Final = {
    "values and slopes in plain double precision, their error bounds dropped": (8, 13, 23),
    "the error of the slope taken as zero": (1, 2, 5),
    "no scaling of columns": (71, 116, 127),
    "means taken off in plain double precision": (22, 37, 42),
}
"""For each fault, problems of the scan that show it."""


def test_every_fault_is_shown() -> None:
    assert set(SEEDS) == set(MUTATIONS)


@pytest.mark.parametrize("name", SEEDS)
def test_laws_hold_without_the_fault_and_break_with_it(name: str) -> None:
    problems = [scan_problem(seed) for seed in SEEDS[name]]
    assert [broken_laws(problem) for problem in problems] == [{}] * len(problems)
    with mutated(name):
        assert all(broken_laws(problem) for problem in problems)
