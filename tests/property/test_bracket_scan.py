"""Every solver on decays and noise from 1e-12 to 1e6: the reduced count of the evidence report."""

import pytest

from service.core.catalogue import SOLVERS
from tests.support.bracket_instances import KINDS
from tests.support.bracket_scan import scan

COUNT = 25
SLOW = {"uncentred_noise": 4, "noisy_bounded": 5}


@pytest.mark.parametrize("kind", KINDS)
def test_answers_are_finite_and_their_bounds_in_order(kind: str) -> None:
    tally = scan(kind, range(SLOW.get(kind, COUNT)))
    # the instances reach both sides of the collapse, where there is one
    assert tally.learned > 0
    assert tally.learned < tally.instances or kind in ("reduced_rank", "uncentred_noise", "convex_layer")


def test_every_solver_has_a_kind() -> None:
    assert {solver.name for solver, _ in SOLVERS} <= set(KINDS)
