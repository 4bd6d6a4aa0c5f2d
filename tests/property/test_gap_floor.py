"""How many gaps close where a solver promises an honest one only: a floor, so that a weaker bound is noticed.

A bound that is too weak is still a bound, and no search tells.  The counts are those that were reached; better is fine.
"""

from collections.abc import Callable

import numpy as np
import pytest

from service.core.catalogue import SOLVERS
from service.core.dispatch import solve
from service.core.ground.problems import Problem
from service.core.ground.rules import conjunction, examine
from tests.support import outputs_instances as families

CLOSED = 1e-9


def gaps_of(name: str, generator: Callable[[np.random.Generator], Problem], count: int) -> list[float]:
    """Relative gaps of the first problems of a family that a solver answers, ascending."""
    solver = next(row[0] for row in SOLVERS if row[0].name == name)
    gaps: list[float] = []
    for seed in range(10 * count):
        problem = generator(np.random.default_rng(seed))
        if conjunction(examine(solver.hypotheses, problem)) is not True:
            continue
        answer = solve(problem)
        if answer.solution.solver == name:
            gaps.append(answer.certificate.relative_gap)
        if len(gaps) == count:
            return sorted(gaps)
    raise AssertionError(f"{name} answers only {len(gaps)} of the family")


@pytest.mark.parametrize(
    ("name", "generator", "count", "closed", "median"),
    [
        ("deep_bounded", families.deep_decayed, 24, 24, CLOSED),
        ("deep_bounded", families.deep_narrow, 16, 16, CLOSED),
        ("deep_bounded", families.deep_unequal, 16, 16, CLOSED),
        ("noisy_bounded", families.noisy_general, 24, 3, 0.085),
        ("noisy_bounded", families.one_noisy_layer, 12, 0, 0.1),
        ("noisy_bounded", families.very_unequal_decays, 8, 0, 0.02),
    ],
    ids=["deep", "narrow", "deep and unequal", "noisy", "one noisy layer", "noisy and unequal"],
)
def test_as_many_gaps_close_as_ever_did(
    name: str, generator: Callable[[np.random.Generator], Problem], count: int, closed: int, median: float
) -> None:
    gaps = gaps_of(name, generator, count)
    assert sum(gap <= CLOSED for gap in gaps) >= closed
    assert gaps[count // 2] <= median
