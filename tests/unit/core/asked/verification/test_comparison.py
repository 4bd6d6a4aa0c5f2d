"""Units of comparisons: those of the data about their means where a bias is free, and of each input by itself."""

from dataclasses import replace

import numpy as np
import pytest

from service.core.asked.verification.comparison import close_maps, correlation_of, input_scales, kind
from service.core.asked.verification.whole import verify
from service.core.dispatch import solve
from service.core.ground.data.moments import moments_of
from service.core.ground.parameters import FactoredMatrix
from service.core.ground.problems import Layer, Network, Problem
from service.core.ground.results import Certificate, Check
from service.vocabulary import Bias

X = np.array([[1.0, 2.0], [3.0, 0.0], [-1.0, 1.0], [1.0, 5.0]])
Y = np.array([[1.0], [3.0], [0.0], [4.0]])


def on(x: np.ndarray, y: np.ndarray, bias: Bias = Bias.OUTPUT, decay: float = 0.0, decays: float = 0.0) -> Problem:
    layers = (Layer(2, weight_decay=decay), Layer(y.shape[1], weight_decay=decay))
    return Problem(Network(layers, bias=bias, bias_weight_decays=(decays, decays)), moments_of(x, y))


def test_by_hand() -> None:
    free, none = on(X, Y), on(X, Y, Bias.NONE)
    assert free.spread == pytest.approx(2.5)  # mean 2, deviations 1, 1, 2, 2
    assert none.spread == pytest.approx(6.5)
    assert free.unit(1e-9) == pytest.approx(2.5e-6)
    assert none.unit(-3.0) == 3.0
    assert input_scales(free) == pytest.approx([np.sqrt(2.0), np.sqrt(3.5)])
    assert input_scales(none) == pytest.approx([np.sqrt(3.0), np.sqrt(7.5)])


@pytest.mark.parametrize("offset", [1.0, 1e2, 1e4])
def test_an_offset_that_a_free_bias_takes_off_changes_no_unit(offset: float) -> None:
    plain, moved = on(X, Y), on(X + offset, Y + offset)
    rounding = 1e-14 * offset**2
    assert moved.spread == pytest.approx(plain.spread, rel=rounding)
    assert input_scales(moved) == pytest.approx(input_scales(plain), rel=rounding)
    assert correlation_of(moved) == pytest.approx(correlation_of(plain), rel=rounding)
    # without a bias, and where it is decayed, the mean has to be learned and counts
    for held in (on(X, Y + offset, Bias.NONE), on(X, Y + offset, decays=0.1), on(X, Y + offset, Bias.HIDDEN)):
        assert held.spread == pytest.approx(float(np.mean((Y + offset) ** 2)), rel=1e-12)


def test_an_input_that_does_not_vary_has_a_scale_all_the_same() -> None:
    constant = np.hstack([X, np.full((4, 1), 3.0), np.zeros((4, 1))])
    assert input_scales(on(constant, Y))[2:] == pytest.approx([1.0, 1.0])
    assert input_scales(on(constant, Y, Bias.NONE))[2:] == pytest.approx([3.0, 1.0])


@pytest.mark.parametrize("power", [-30, 0, 30])
def test_maps_are_compared_whatever_the_units_of_the_inputs(power: int) -> None:
    scales = np.array([2.0**power, 1.0])
    problem = on(X * scales, Y)
    found = np.array([[0.5, -1.5]])
    for change, agrees in (([[1e-6, 0.0]], False), ([[0.0, 1e-6]], False), ([[1e-11, 1e-11]], True)):
        assert close_maps("map", (found + change) / scales, found / scales, problem).agrees is agrees


@pytest.mark.parametrize("power", [-12, 0, 12])
def test_a_wrong_weight_shows_whatever_the_unit_of_its_input(power: int) -> None:
    rng = np.random.default_rng(3)
    x = rng.standard_normal((12, 2))
    y = x @ rng.standard_normal((2, 2)) + 0.1 * rng.standard_normal((12, 2))
    problem = on(x * np.array([2.0**power, 1.0]), y)
    answer = solve(problem)
    minimum = answer.solution.minimum
    assert minimum.parameters is not None
    assert verify(problem, answer.solution, answer.certificate).agrees
    first, *others = minimum.parameters.weights
    for column in range(2):
        entries = first.dense()
        entries[:, column] *= 1.0 + 1e-6
        moved = replace(minimum.parameters, weights=(FactoredMatrix(entries, np.ones(2), np.eye(2)), *others))
        claim = replace(answer.solution, minimum=replace(minimum, parameters=moved))
        rows = verify(problem, claim, answer.certificate).comparisons
        assert any(row.field == "global_minimum.weights" and not row.agrees for row in rows), column


def test_a_certificate_may_claim_less_than_it_could() -> None:
    holds = Certificate(1.0, 1.0, 0.0, 1e-9, "", 0.0, ())
    opened = replace(holds, lower_bound=0.5, relative_gap=0.5)
    failed = replace(holds, checks=(Check("gradient_norm", 1.0, 1e-8),))
    assert kind(holds, holds).agrees
    assert kind(opened, opened).agrees
    assert kind(opened, holds).agrees
    assert kind(failed, failed).agrees
    for fresh, why in ((opened, "the gap is open"), (failed, "gradient_norm")):
        row = kind(holds, fresh)
        assert not row.agrees
        assert row.found == f"bounded: {why}"
