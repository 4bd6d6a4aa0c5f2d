"""The quadratic below the squared error: below it at every map, in rational arithmetic, and sharp at its centre."""

from fractions import Fraction

import numpy as np
import pytest

from service.core.dispatch import solve
from service.core.ground.as_sent import prediction_source
from service.core.ground.data.conditioned import moments_of
from service.core.ground.enclosures.expansion import ExpandedError
from service.core.ground.enclosures.longest import least_decay, longest_useful, without_shells
from service.core.ground.enclosures.measured import measure
from service.core.ground.problems import Layer, Moments, Network, Problem, Samples
from service.vocabulary import Bias
from tests.support.exact_numbers import Floats
from tests.unit.core.ground.enclosures.test_sources import centred, joint_of, rational, times


def drawn(seed: int, bias: bool) -> tuple[Problem, Floats]:
    """Inputs of very different sizes, some of them collinear, and a map that may be far from the best one."""
    rng = np.random.default_rng(seed)
    count, inputs, outputs = int(rng.integers(3, 25)), int(rng.integers(1, 5)), int(rng.integers(1, 3))
    x = rng.normal(size=(count, inputs)) * 10.0 ** rng.uniform(-5.0, 5.0, inputs)
    if inputs > 1 and seed % 3 == 0:
        x[:, -1] = x[:, 0] * (1.0 + 10.0 ** rng.uniform(-12.0, -2.0) * rng.normal(size=count) * (seed % 2))
    y = rng.normal(size=(count, outputs))
    best = np.linalg.lstsq(x, y, rcond=None)[0].T
    network = Network((Layer(outputs),), bias=Bias.OUTPUT if bias else Bias.NONE, bias_weight_decays=(0.0,) * bias)
    return Problem(network, moments_of(x, y), Samples(x, y)), best * rng.choice([1.0, 0.5, -2.0])


def exact_error(problem: Problem, whole: list[list[Fraction]]) -> Fraction:
    assert problem.samples is not None
    table = rational(np.concatenate((problem.samples.x, problem.samples.y), axis=1))
    table = centred(table) if problem.network.bias is Bias.OUTPUT else table
    outputs, inputs = len(whole), len(whole[0])
    left = [[-entry for entry in row] + [Fraction(at == k) for k in range(outputs)] for at, row in enumerate(whole)]
    with_all = times(left, joint_of(table, len(table)))
    assert len(with_all[0]) == inputs + outputs
    pairs = (zip(row, moments, strict=True) for row, moments in zip(left, with_all, strict=True))
    return sum((a * b for pair in pairs for a, b in pair), Fraction(0))


def exact_quadratic(found: ExpandedError, coordinates: Floats) -> Fraction:
    """Value of the quadratic, what weak directions may take off left out."""
    total = Fraction(found.value)
    for k in range(coordinates.shape[0]):
        for i in range(coordinates.shape[1]):
            step = Fraction(coordinates[k, i]) - Fraction(found.centre[k, i])
            total += Fraction(found.values[i]) * step * step - 2 * Fraction(found.slope[k, i]) * step
    return total


@pytest.mark.parametrize("precise", [False, True], ids=["double", "twofold"])
@pytest.mark.parametrize("bias", [False, True], ids=["about zero", "about the mean"])
def test_the_quadratic_lies_below_the_error_everywhere(bias: bool, precise: bool) -> None:
    for seed in range(30):
        problem, centre = drawn(seed, bias)
        data = problem.data.central if bias else problem.data
        spectrum = data.spectrum
        source = prediction_source(problem, bias)
        unit = max(data.yy, 1e-300)
        measured = measure(source, spectrum.vectors, spectrum.values, centre, unit, precise)
        rng = np.random.default_rng(seed)
        size = float(np.linalg.norm(centre))
        for norm in (np.inf, 20.0 * size):
            found = measured.charged(0.0, norm)
            for scale in (0.0, 1e-6, 1.0, 10.0):
                coordinates = found.centre * rng.uniform(0.0, 1.0) + scale * size * rng.normal(size=centre.shape) / 9.0
                whole = times(rational(coordinates), rational(found.basis.T))
                weak = coordinates[:, ~found.known] - found.centre[:, ~found.known]
                allowed = Fraction(2.0 * found.tilt * float(np.linalg.norm(weak)) * 1.000001)
                allowed += Fraction(found.bend * float(np.sum(weak * weak)) * 1.000001)
                assert exact_quadratic(found, coordinates) - allowed <= exact_error(problem, whole)


def test_the_quadratic_is_sharp_at_its_centre() -> None:
    for seed in range(30):
        problem, centre = drawn(seed, bias=False)
        spectrum = problem.data.spectrum
        source = prediction_source(problem, centre=False)
        found = measure(source, spectrum.vectors, spectrum.values, centre, problem.data.yy, precise=True)
        exact = exact_error(problem, rational(centre))
        # the centre is the map in coordinates, which rounds it
        width = found.expansion.upper - found.expansion.value
        assert width <= 1e-12 * max(float(exact), 1e-6 * problem.data.yy)
        assert abs(float(exact) - found.expansion.value) <= 1e-6 * max(float(exact), problem.data.yy)


@pytest.mark.parametrize("ridge", [1e-8, 1e-2, 10.0])
def test_ridge_minima_are_bounds_and_sharp_at_the_ridge_map(ridge: float) -> None:
    for seed in range(20):
        problem, centre = drawn(seed, bias=False)
        assert problem.samples is not None
        x, y = problem.samples.x, problem.samples.y
        spectrum = problem.data.spectrum
        rows = np.concatenate((x / np.sqrt(len(x)), np.sqrt(ridge) * np.eye(x.shape[1])))
        target = np.concatenate((y / np.sqrt(len(x)), np.zeros((x.shape[1], y.shape[1]))))
        best = np.linalg.lstsq(rows, target, rcond=None)[0].T
        reached = float(exact_error(problem, rational(best))) + ridge * float(np.sum(best * best))
        source = prediction_source(problem, centre=False)
        for at, sharp in ((best, True), (centre, False)):
            measured = measure(source, spectrum.vectors, spectrum.values, at, reached, precise=True)
            expansion, _ = measured.decayed(np.array([ridge]), reached)
            bound = expansion.ridge_minimum(ridge)
            assert bound <= reached * (1.0 + 1e-12)
            assert not sharp or bound >= reached * (1.0 - 1e-6)


def test_no_map_beyond_the_longest_useful_norm_pays() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        decays = 10.0 ** rng.uniform(-6.0, 1.0, int(rng.integers(1, 6)))
        upper = 10.0 ** rng.uniform(-3.0, 3.0)
        norm = longest_useful(decays, upper)
        cost = decays.size * np.exp(np.mean(np.log(decays))) * norm ** (2.0 / decays.size)
        assert upper <= cost <= upper * (1.0 + 1e-6)
    assert longest_useful(np.array([0.1, 0.0]), 1.0) == np.inf


def test_no_map_in_an_excluded_shell_pays() -> None:
    excluded = 0
    for seed in range(40):
        problem, _ = drawn(seed, bias=False)
        assert problem.samples is not None
        x, y = problem.samples.x, problem.samples.y
        rng = np.random.default_rng(seed)
        decays = 10.0 ** rng.uniform(-6.0, -2.0) * np.ones(int(rng.integers(1, 4))) * float(np.mean(x * x))
        spectrum, source = problem.data.spectrum, prediction_source(problem, centre=False)
        rows, values = x @ spectrum.vectors / np.sqrt(len(x)), spectrum.values

        def cost(found: Floats, rows: Floats = rows, y: Floats = y, decays: Floats = decays) -> float:
            missed = y / np.sqrt(len(y)) - rows @ found.T
            return float(np.sum(missed * missed)) + least_decay(decays, float(np.linalg.norm(found)))

        response = (rows.T @ y / np.sqrt(len(y))).T
        ridges = np.geomspace(1e-12, 1e3, 200) * values.max()
        maps = [response / (values + ridge) for ridge in ridges]
        upper = min(map(cost, maps))
        best = min(maps, key=cost)
        measured = measure(source, spectrum.vectors, values, best @ spectrum.vectors.T, upper, precise=True)
        norm = longest_useful(decays, upper)
        shorter = without_shells(measured.charged(0.0, norm), decays, upper, norm)
        excluded += shorter < 0.5 * norm
        # the ridge maps are the best of their norms; they are stretched and shrunk to the norms that are excluded
        for each in maps:
            size = float(np.linalg.norm(each))
            for length in np.geomspace(shorter, norm, 12)[1:]:
                assert cost(each * (length / max(size, 1e-300))) >= upper * (1.0 - 1e-9)
    assert excluded >= 10


@pytest.mark.parametrize("decades", [3, 6, 9])
def test_directions_that_lean_where_moments_are_dependent_cost_no_decay(decades: int) -> None:
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(60, 60)))[0]
    x = rng.normal(size=(200, 60)) @ (turn * np.geomspace(1.0, 10.0**-decades, 60)) @ turn.T
    y = x @ rng.normal(size=(60, 1)) + 0.1 * rng.normal(size=(200, 1))
    sent = Moments(x.T @ x / 200.0, x.T @ y / 200.0, float(np.sum(y * y)) / 200.0)
    found = solve(Problem(Network((Layer(1, weight_decay=1e-3),)), sent))
    assert found.certificate.holds
    leaning = rng.normal(size=(60, 60)) * 1e-3 + np.eye(60)
    source = prediction_source(Problem(Network((Layer(1),)), sent), centre=False)
    measured = measure(source, leaning, np.ones(60), found.solution.minimum.end_to_end_map, 1.0)
    assert measured.expansion.stretch < 1e-11
