"""Which bound certifies an autoencoder, and that its closed form leaves room for rounding, on numbers known exactly."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from service.core.bounds.duality import DUAL
from service.core.certificates import autoencoder
from service.core.dispatch import solve
from service.core.ground.numbers.spectrum import EPSILON
from service.core.ground.problems import Moments, Problem
from service.core.several_outputs.squared_error.quadratic import quadratic_of
from tests.support.outputs_instances import Shape, network_of

ONE_KEPT = 1.75 + 0.5
"""Of inputs with variances 4 and 1/2 through one unit, with decays 1: ``2 - 1/4`` for what is kept, and what is not."""


def reconstruction(variances: list[float], hidden: int, decay: float) -> Problem:
    xx = np.diag(variances)
    shape = Shape(len(variances), (hidden,), len(variances))
    return Problem(network_of(shape, [decay, decay]), Moments(xx, xx.copy(), float(np.trace(xx))))


def closed_form(problem: Problem, stretch: float | None = None) -> float:
    """The bound on the problem itself, with or without an expansion that may be off by a share."""
    expansion = None if stretch is None else SimpleNamespace(stretch=stretch)
    below = SimpleNamespace(problem=problem, quadratic=quadratic_of(problem), expansion=expansion)
    return autoencoder._reconstruction_bound(cast("Any", below))


@pytest.mark.parametrize(
    ("variances", "hidden", "decay", "method"),
    [
        ([4.0, 0.5], 1, 1.0, DUAL),  # the second direction is not worth its decay
        ([4.0, 1.0], 1, 1.0, DUAL),  # worth exactly as much
        ([4.0, 1.5], 1, 1.0, autoencoder.KUNIN),
        ([4.0, 1.5], 2, 1.0, DUAL),  # nothing is left out
        ([4.0, 1.5, 0.0, 0.0], 3, 1.0, DUAL),  # nor here: there are two directions
    ],
)
def test_duality_certifies_unless_the_bottleneck_binds(
    variances: list[float], hidden: int, decay: float, method: str
) -> None:
    certificate = solve(reconstruction(variances, hidden, decay)).certificate
    assert method in certificate.method
    assert certificate.relative_gap < 1e-9


def test_the_closed_form_is_below_the_minimum_by_its_own_rounding() -> None:
    bound = closed_form(reconstruction([4.0, 0.5], 1, 1.0))
    assert ONE_KEPT * (1.0 - 100.0 * EPSILON) < bound < ONE_KEPT


def test_the_closed_form_gives_up_what_an_expansion_may_be_off_by() -> None:
    problem, stretch = reconstruction([4.0, 0.5], 1, 1.0), 1e-3
    assert closed_form(problem, stretch) == pytest.approx(ONE_KEPT * (1.0 - 4.0 * stretch), rel=1e-12)


def test_the_larger_of_two_variances_is_the_one_that_is_kept() -> None:
    ordered, other = (closed_form(reconstruction(each, 1, 1.0)) for each in ([4.0, 0.5], [0.5, 4.0]))
    assert ordered == other
