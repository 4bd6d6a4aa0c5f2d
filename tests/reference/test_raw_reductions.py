"""Weights of the error, frozen layers and skips on raw data: bounds against the least loss in rational numbers."""

from fractions import Fraction

import pytest

from service.core.dispatch import Extras, solve
from service.core.ground.conditioning import conditioning_of, scaled_condition
from service.core.reductions.table import Reduction, reduce
from tests.support.raw_reductions import REDUCED_KINDS, ReducedCase, reduced_case

EACH = 6
"""Problems of each kind of reduction and each kind of data."""
KINDS_OF_DATA = 4
WELL = 1e7
"""Scaled condition below which gaps close and no norm is named."""


def cases(kind: str) -> list[ReducedCase]:
    start = list(REDUCED_KINDS).index(kind)
    return [reduced_case(start + len(REDUCED_KINDS) * turn) for turn in range(EACH * KINDS_OF_DATA)]


@pytest.mark.parametrize("kind", REDUCED_KINDS)
def test_bounds_hold_in_rational_numbers(kind: str) -> None:
    """The lower bound is no more than the infimum, the upper one no less than the loss of the returned weights."""
    for case in cases(kind):
        answer = solve(case.problem, Extras(reductions=True))
        certificate, minimum = answer.certificate, answer.solution.minimum
        if certificate.norm_limit is None:
            assert Fraction(certificate.lower_bound) <= case.truth, case.name
        assert Fraction(certificate.upper_bound) >= case.loss_of(minimum), case.name
        assert certificate.relative_gap >= 0.0, case.name
        assert minimum.loss >= 0.0, case.name
        reduction = reduce(case.problem)
        assert isinstance(reduction, Reduction)
        if max(scaled_condition(reduction.plain.data), conditioning_of(case.problem).scaled_condition) < WELL:
            assert certificate.holds, case.name
            assert certificate.norm_limit is None, case.name
