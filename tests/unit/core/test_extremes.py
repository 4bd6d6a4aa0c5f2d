"""The edges of double precision: every answer is a certified number or a reason, and nothing overflows on the way."""

from dataclasses import replace

import numpy as np
import pytest

from service.core.asked.verification.whole import verify
from service.core.dispatch import solve
from service.core.ground.data.moments import check, moments_of
from service.core.ground.numbers.spectrum import length_of
from service.core.ground.problems import Moments, Problem
from service.core.ground.results import Minima
from service.vocabulary import Bias, Status
from tests.support.one_output_cases import TWO_INPUTS, diagonal, network, problem

DEPTHS = (0, 1, 2, 3, 60)


def certified(base: Problem) -> Minima:
    """The answer, which must be certified and agree with its own verification."""
    check(base.data)
    answer = solve(base)
    assert answer.status is Status.EXACT, [check for check in answer.certificate.checks if not check.passed]
    verification = verify(base, answer.solution, answer.certificate)
    assert verification.agrees, [row for row in verification.comparisons if not row.agrees]
    found = answer.solution.thresholds
    for name in ("critical_decay_scale", "metastable_up_to_decay_scale", "critical_noise_variance"):
        number = getattr(found, name)
        assert name in found.reasons if number is None else 0.0 < number < np.inf
    return answer


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("variance", [1e3, 1e10, 1e100, 1e300])
def test_huge_noise(depth: int, variance: float) -> None:
    answer = certified(problem(depth, noise=variance, decay=1e-3))
    quiet = certified(problem(depth, noise=0.0, decay=1e-3))
    if depth == 0:
        assert answer.solution.minimum.loss == quiet.solution.minimum.loss
    elif depth == 1:
        # w = w_1 / C, whatever the noise
        shrunk = quiet.solution.minimum.end_to_end_map / (1.0 + variance / 3.0)
        np.testing.assert_allclose(answer.solution.minimum.end_to_end_map, shrunk, rtol=1e-9)
        assert not answer.solution.minimum.trivial
    elif variance >= 1e10:
        assert answer.solution.minimum.trivial
        assert answer.solution.minimum.prediction_variance == 0.0


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("decay", [1e-300, 1e-200, 1e-100, 1e-30, 1e30, 1e200, 1e300])
def test_tiny_and_huge_decays(depth: int, decay: float) -> None:
    base = problem(depth, decay=decay, noise=0.25)
    minimum = certified(base).solution.minimum
    if decay > 1.0:
        assert minimum.trivial == (depth > 0)
        assert minimum.loss == pytest.approx(1.0)
    elif depth < 60:
        factor = (1.0 + 0.25 / 3.0) ** depth
        explained = float(base.data.xy[:, 0] @ np.linalg.solve(base.data.xx, base.data.xy[:, 0]))
        assert minimum.loss == pytest.approx(1.0 - explained / factor, rel=1e-9)


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("width", [1, 10**6])
def test_widths_of_a_million_cost_a_few_numbers(depth: int, width: int) -> None:
    answer = certified(problem(depth, noise=0.25, decay=1e-3, width=width))
    parameters = answer.solution.minimum.parameters
    assert parameters is not None
    assert [weight.shape for weight in parameters.weights][:-1] == [
        (width, 2 if index == 0 else width) for index in range(depth)
    ]


def test_sixty_layers_with_unequal_decays() -> None:
    rng = np.random.default_rng(0)
    for spread in (0.5, 3.0):
        decays = 10.0 ** rng.uniform(-spread, spread, 61)
        decays *= np.exp(-np.mean(np.log(decays))) * 1e-3
        even = certified(problem(60, decay=1e-3))
        answer = certified(Problem(network(60, decays=decays), TWO_INPUTS))
        assert answer.solution.minimum.loss == pytest.approx(even.solution.minimum.loss, rel=1e-9)
        assert not answer.solution.minimum.trivial


@pytest.mark.parametrize("depth", [0, 1, 2, 4])
@pytest.mark.parametrize("power", [-160, -100, -40, 40, 100, 160])
@pytest.mark.parametrize("which", ["both", "inputs", "targets"])
def test_units_of_the_data(depth: int, power: int, which: str) -> None:
    """Other units of x and y are other decays: powers of two scale the answer without touching a digit."""
    x, y = (2.0**power if which != name else 1.0 for name in ("targets", "inputs"))
    base = problem(depth, decay=0.01, noise=0.25)
    layers = depth + 1
    # J = y^2 J' with w = (y/x) w' needs G = y^2 (x/y)^(2/layers) G'
    log_factor = 2.0 * np.log(y) + 2.0 / layers * np.log(x / y)
    scaled = Problem(
        network(depth, 0.01 * float(np.exp(log_factor)), 0.25),
        Moments(TWO_INPUTS.xx * x**2, TWO_INPUTS.xy * x * y, TWO_INPUTS.yy * y**2),
    )
    small, large = certified(base).solution, certified(scaled).solution
    assert large.minimum.loss == pytest.approx(small.minimum.loss * y**2, rel=1e-9)
    np.testing.assert_allclose(large.minimum.end_to_end_map, small.minimum.end_to_end_map * y / x, rtol=1e-8)
    if small.thresholds.critical_decay_scale is not None:
        assert large.thresholds.critical_decay_scale == pytest.approx(small.thresholds.critical_decay_scale, rel=1e-9)


@pytest.mark.parametrize("depth", [0, 1, 2, 4])
@pytest.mark.parametrize("scale", [1e-49, 1e-20, 1e20, 1e49])
@pytest.mark.parametrize("which", ["both", "inputs", "targets"])
def test_data_of_any_size_under_a_fixed_decay(depth: int, scale: float, which: str) -> None:
    x, y = (scale if which != name else 1.0 for name in ("targets", "inputs"))
    moments = Moments(TWO_INPUTS.xx * x**2, TWO_INPUTS.xy * x * y, TWO_INPUTS.yy * y**2)
    certified(problem(depth, moments, decay=0.01, noise=0.25))


@pytest.mark.parametrize("depth", [0, 1, 2, 3])
def test_zero_decay_everywhere_is_least_squares(depth: int) -> None:
    base = problem(depth, decay=0.0, noise=0.0)
    minimum = certified(base).solution.minimum
    assert minimum.attained
    np.testing.assert_allclose(minimum.end_to_end_map[0], np.linalg.solve(base.data.xx, base.data.xy[:, 0]), rtol=1e-13)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_some_layers_without_decay_leave_an_infimum(depth: int) -> None:
    for free in range(depth + 1):
        decays = np.full(depth + 1, 0.1)
        decays[free] = 0.0
        answer = certified(Problem(network(depth, decays=decays, noise=0.5), TWO_INPUTS))
        minimum = answer.solution.minimum
        assert not minimum.attained
        assert minimum.parameters is None
        assert minimum.terms.decay == 0.0
        undecayed = certified(problem(depth, decay=0.0, noise=0.5)).solution.minimum
        assert minimum.loss == pytest.approx(undecayed.loss, rel=1e-14)


def test_a_singular_input_changes_nothing() -> None:
    doubled = Moments(
        np.kron(np.array([[1.0, 1.0], [1.0, 1.0]]), TWO_INPUTS.xx), np.tile(TWO_INPUTS.xy, (2, 1)), TWO_INPUTS.yy
    )
    # two copies of each input act as one of sqrt(2) times the size
    single = Moments(2.0 * TWO_INPUTS.xx, np.sqrt(2.0) * TWO_INPUTS.xy, TWO_INPUTS.yy)
    for depth in range(4):
        twice = certified(problem(depth, doubled)).solution.minimum
        once = certified(problem(depth, single)).solution.minimum
        assert twice.loss == pytest.approx(once.loss, rel=1e-12)
        assert twice.singular_values == pytest.approx(once.singular_values, rel=1e-11)


def test_ill_conditioned_inputs_keep_a_certificate_while_the_map_is_short() -> None:
    for depth in (0, 1, 2, 3):
        values = np.array([1e-12, 1e-6, 1.0])
        certified(problem(depth, diagonal(values, values.copy(), 2.0), decay=1e-3))


@pytest.mark.parametrize("scale", [1e-320, 1e-300, 1e-160, 1.0, 1e160, 1e300])
def test_norms_do_not_overflow(scale: float) -> None:
    assert length_of(scale * np.array([[3.0, -4.0]])) == pytest.approx(
        5.0 * scale, rel=1e-3 if scale < 1e-310 else 1e-14
    )
    assert length_of(np.zeros(3)) == 0.0


def test_a_bias_on_data_of_any_offset() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 2))
    y = x @ np.array([[1.0], [0.5]]) + 0.1 * rng.normal(size=(40, 1))
    plain = solve(Problem(replace(network(2, 0.02), bias=Bias.ALL), moments_of(x, y))).solution.minimum
    for offset in (1.0, 1e2, 1e4):
        moved = solve(Problem(replace(network(2, 0.02), bias=Bias.ALL), moments_of(x + offset, y - offset)))
        digits = 1e-15 * offset**2 * 1e3 + 1e-12
        assert moved.solution.minimum.loss == pytest.approx(plain.loss, rel=digits)
