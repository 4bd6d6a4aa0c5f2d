"""Thresholds are sharp: the answer itself changes on their two sides, not a copy of their formula."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from service.core.dispatch import solve
from service.core.ground.data.moments import moments_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Moments, Problem
from service.core.ground.results import GlobalMinimum, Thresholds
from service.core.one_output.branches import Branches
from service.core.one_output.curve import Curve
from service.core.one_output.reduced import reduce
from service.core.solvers.scalar_output import SOLVER
from service.errors import NumericalError
from service.vocabulary import Bias
from tests.support.one_output_cases import (
    FOUR_ROOTS,
    SIX_ROOTS,
    branches_of,
    diagonal,
    network,
    problem,
    random_spectrum,
    with_decays_times,
    with_noise,
)


def minimum_of(base: Problem) -> GlobalMinimum:
    return SOLVER.solve(replace(base)).minimum


def thresholds_of(base: Problem) -> Thresholds:
    return SOLVER.solve(replace(base)).thresholds


def random_case(rng: np.random.Generator, depth: int) -> Problem:
    values, target = random_spectrum(rng, 4.0)
    widths = rng.integers(1, 5, depth)
    base = Problem(network(depth, decays=10.0 ** rng.uniform(-5, -3, depth + 1)), diagonal(values, target))
    layers = tuple(
        replace(layer, width=int(width), noise_variance=float(noise))
        for layer, width, noise in zip(base.network.layers, widths, rng.choice([0.0, 0.3, 1.0], depth), strict=False)
    )
    return replace(base, network=replace(base.network, layers=(*layers, base.network.layers[-1])))


def test_noise_that_has_no_rate_in_double_precision_never_becomes_critical() -> None:
    base = Problem(network(2, decays=np.full(3, 1e-3)), diagonal(np.ones(1), np.ones(1)))
    layers = [replace(layer, width=8, noise_variance=5e-324) for layer in base.network.layers[:-1]]
    noisy = replace(base, network=replace(base.network, layers=(*layers, base.network.layers[-1])))
    found = thresholds_of(noisy)
    assert found.critical_noise_scale is None
    assert "critical_noise_scale" in found.reasons
    assert found.critical_noise_variance is not None


def test_second_moments_without_a_ratio_are_refused() -> None:
    with pytest.raises(NumericalError, match="too far apart"):
        Curve(np.array([1e-270, 1e70]), np.ones(2), 2)


@pytest.mark.parametrize("depth", [1, 2, 3, 5])
def test_trivial_flips_at_the_critical_decay(depth: int) -> None:
    rng = np.random.default_rng(depth)
    for _ in range(20):
        base = random_case(rng, depth)
        scale = thresholds_of(base).critical_decay_scale
        assert scale is not None
        assert not minimum_of(with_decays_times(base, scale * (1.0 - 1e-6))).trivial
        assert minimum_of(with_decays_times(base, scale * (1.0 + 1e-6))).trivial


@pytest.mark.parametrize("depth", [2, 3, 5])
def test_trivial_flips_at_the_critical_noise(depth: int) -> None:
    rng = np.random.default_rng(depth + 10)
    flips = 0
    for _ in range(20):
        base = random_case(rng, depth)
        found = thresholds_of(base)
        ones, own = np.ones(depth), base.network.noise_variances
        for critical, direction in ((found.critical_noise_variance, ones), (found.critical_noise_scale, own)):
            if critical is None:
                continue
            flips += 1
            assert not minimum_of(with_noise(base, direction * critical * (1.0 - 1e-6))).trivial
            assert minimum_of(with_noise(base, direction * critical * (1.0 + 1e-6))).trivial
    assert flips > 20


@pytest.mark.parametrize("bias", [Bias.OUTPUT, Bias.ALL])
def test_critical_noise_with_biases_on_uncentred_data(bias: Bias) -> None:
    rng = np.random.default_rng(7)
    for _ in range(6):
        x = rng.normal(size=(30, 3)) + rng.normal(size=3)
        moments = moments_of(x, x @ rng.normal(size=(3, 1)) + 1.0)
        base = Problem(replace(network(2, 0.02), bias=bias, input_noise_variance=0.1), moments)
        critical = thresholds_of(base).critical_noise_variance
        assert critical is not None
        assert not minimum_of(with_noise(base, np.full(2, critical * (1.0 - 1e-6)))).trivial
        assert minimum_of(with_noise(base, np.full(2, critical * (1.0 + 1e-6)))).trivial


@pytest.mark.parametrize("depth", [2, 3, 5])
def test_a_local_minimum_outlives_the_collapse_up_to_the_spinodal(depth: int) -> None:
    rng = np.random.default_rng(depth + 20)
    for _ in range(15):
        base = random_case(rng, depth)
        found = thresholds_of(base)
        last = found.metastable_up_to_decay_scale
        assert last is not None
        assert found.critical_decay_scale is not None
        assert last > found.critical_decay_scale
        assert branches_of(with_decays_times(base, last * (1.0 - 1e-6)))
        assert not branches_of(with_decays_times(base, last * (1.0 + 1e-6)))


def jumps_by_bisection(base: Problem, scales: FloatArray) -> list[float]:
    """Scales at which the norm of the winning map changes by more than a third, each by bisection."""

    def norm(scale: float) -> float:
        changed = with_decays_times(base, scale)
        best = Branches(reduce(changed.network, changed.data)).best
        return 0.0 if best is None else float(np.exp(best.log_norm))

    found = []
    for left, right in pairwise(scales):
        low, high = float(left), float(right)
        if norm(high) > 0.7 * norm(low) or norm(low) == 0.0:
            continue
        for _ in range(60):
            middle = 0.5 * (low + high)
            if norm(middle) - norm(high) > norm(low) - norm(middle):
                low = middle
            else:
                high = middle
        if norm(high) < 0.7 * norm(low):
            found.append(0.5 * (low + high))
    return found


@pytest.mark.parametrize(("case", "count"), [(FOUR_ROOTS, 2), (SIX_ROOTS, 3), (None, 3)])
def test_all_jumps_are_where_another_minimum_takes_over(case: tuple[Moments, float] | None, count: int) -> None:
    if case is None:
        values = np.array([1e-8, 1e-4, 1.0])
        case = (diagonal(values, np.array([1e-5, 5e-3, 1.0])), 1e-3)
    base = Problem(network(2, case[1]), case[0])
    transitions = thresholds_of(base).transitions
    assert [transition.order for transition in transitions] == [1] * len(transitions)
    scales = np.geomspace(0.1 * transitions[0].decay_scale, 1.5 * transitions[-1].decay_scale, 400)
    found = jumps_by_bisection(base, scales)
    assert len(found) == count
    assert [transition.decay_scale for transition in transitions] == pytest.approx(found, rel=1e-9)
    for transition in transitions:
        sides = [minimum_of(with_decays_times(base, transition.decay_scale * (1.0 + s * 1e-8))) for s in (-1.0, 1.0)]
        norms = [float(side.singular_values[0]) for side in sides]
        assert norms == pytest.approx([transition.norm_before, transition.norm_after], rel=1e-4)
        assert sides[0].loss == pytest.approx(sides[1].loss, rel=1e-6)


def test_isotropic_inputs_have_closed_thresholds() -> None:
    value, target = 2.0, 1.5
    for depth in (2, 3, 6):
        base = problem(depth, diagonal(np.array([value]), np.array([target])), decay=1e-3)
        found = thresholds_of(base)
        critical = (
            target ** (2 * depth / (depth + 1))
            * value ** (-(depth - 1) / (depth + 1))
            * (depth - 1) ** ((depth - 1) / (depth + 1))
            * depth ** (-2 * depth / (depth + 1))
        )
        assert found.critical_decay_scale == pytest.approx(critical / 1e-3, rel=1e-12)
        assert found.metastable_up_to_decay_scale == pytest.approx(
            critical / 1e-3 * (depth + 1) / 4 ** (depth / (depth + 1)), rel=1e-12
        )
        ridge = value / (depth - 1)
        assert found.transitions[0].norm_before == pytest.approx(target / (value + ridge), rel=1e-10)
        assert found.transitions[0].norm_after == 0.0
        factor = (critical / 1e-3) ** ((depth + 1) / (depth - 1))
        assert found.critical_noise_variance == pytest.approx(3 * (factor ** (1 / depth) - 1), rel=1e-10)


def test_one_hidden_layer_collapses_continuously() -> None:
    base = problem(1, noise=0.5)
    found = thresholds_of(base)
    length = float(np.linalg.norm(base.data.xy))
    assert found.critical_decay_scale == pytest.approx(length / 0.1, rel=1e-14)
    assert found.transition_order == 2
    assert found.critical_noise_variance is None
    assert "does not depend on the noise" in found.reasons["critical_noise_variance"]
    near = [minimum_of(with_decays_times(base, length / 0.1 * (1.0 - e))) for e in (1e-4, 1e-6)]
    norms = [float(minimum.singular_values[0]) for minimum in near]
    assert norms[1] == pytest.approx(0.01 * norms[0], rel=1e-3)


def test_every_missing_number_has_a_reason() -> None:
    names = {
        "critical_decay_scale",
        "metastable_up_to_decay_scale",
        "critical_noise_variance",
        "critical_noise_scale",
        "transition_order",
    }
    empty = Moments(np.eye(2), np.zeros((2, 1)), 1.0)
    cases = [
        problem(depth, noise=noise, decay=decay) for depth in range(4) for noise in (0, 0.5) for decay in (0, 0.1, 9)
    ]
    cases += [problem(depth, empty) for depth in range(3)]
    for base in cases:
        found = solve(base).solution.thresholds
        missing = {name for name in names if getattr(found, name) is None}
        assert missing == set(found.reasons)
        assert all(found.reasons.values())
