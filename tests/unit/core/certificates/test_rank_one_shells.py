"""Shells of the norm: a bound whatever value is claimed, and an end of the refinement whatever it is."""

import numpy as np
import pytest

from service.core.certificates.rank_one_bottleneck import shell_bound
from service.core.dispatch import solve
from service.core.several_outputs.squared_error.quadratic import quadratic_of
from service.core.solvers.rank_one_bottleneck import SOLVER
from tests.support.instances import covered_by


@pytest.mark.parametrize("factor", [1.0 - 1e-3, 1.0, 1.0 + 1e-6, 2.0, 1e300])
def test_a_claim_that_is_too_high_neither_beats_the_minimum_nor_goes_on_for_ever(factor: float) -> None:
    for problem in covered_by(SOLVER, 2, start=40):
        minimum = solve(problem).solution.minimum
        quadratic, decays = quadratic_of(problem), problem.network.weight_decays
        penalty = decays.size * float(np.exp(np.mean(np.log(decays))))
        hint = float(np.sum(minimum.singular_values**2))
        lower = shell_bound(quadratic, penalty, 1.0 / decays.size, factor * minimum.loss, 1e-10 * minimum.loss, hint)
        assert lower <= minimum.loss * (1.0 + 1e-12)
        assert factor != 1.0 or lower >= minimum.loss * (1.0 - 1e-9)
