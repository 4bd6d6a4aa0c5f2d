"""When a point counts as stationary: bounds on rounding, scales, units, short formats, the caller's own tolerance."""

from dataclasses import replace
from fractions import Fraction
from typing import Any, cast

import numpy as np
import pytest

from service.core.curvature.hessian import dense_hessian
from service.core.dispatch import solve
from service.core.ground.data.moments import moments_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Moments, Network, Problem, Samples
from service.core.losses.dense import DenseParameters, flatten, unflatten
from service.core.losses.expected import gradient_of
from service.core.losses.trained import trained_mask
from service.core.points.diagnosis import diagnose
from service.core.points.gradient_bound import GradientBound, sizes_of
from service.core.points.precision import FORMATS, format_of
from service.core.points.stationarity import stationarity_of
from service.vocabulary import Bias, Evidence, NumberFormat, PointClass, ToleranceSource
from tests.support.instances import dense, random_like, random_problem
from tests.support.outputs_instances import Shape, network_of, random_decays, random_moments, white_moments
from tests.support.outputs_points import decayed_point, undecayed_point


def extended(bound: GradientBound, parameters: DenseParameters) -> FloatArray:
    """The gradient in 80 bits, of the same numbers."""
    signed = bound.signed
    biases = tuple(None if bias is None else wide(bias) for bias in parameters.biases)
    point = DenseParameters(tuple(wide(weight) for weight in parameters.weights), biases)
    return replace(
        signed,
        spread=wide(signed.spread),
        target=wide(signed.target),
        mean=wide(signed.mean),
        target_mean=wide(signed.target_mean),
    ).gradient(point)


def wide(array: FloatArray) -> FloatArray:
    return cast(FloatArray, array.astype(np.longdouble))


def rational(array: FloatArray) -> Any:
    """Entries as fractions, so that products are exact."""
    return np.vectorize(Fraction, otypes=[object])(array)


@pytest.mark.parametrize("seed", range(12))
def test_rounding_of_the_gradient_is_within_its_bound_in_rationals(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = Shape(int(rng.integers(1, 4)), tuple(int(width) for width in rng.integers(1, 4, seed % 3)), 2)
    layers = len(shape.hidden) + 1
    problem = Problem(network_of(shape, random_decays(rng, layers)), random_moments(rng, shape, 1e8))
    point = random_like(problem, rng, float(10.0 ** rng.uniform(-6.0, 3.0)))
    weights = [rational(weight) for weight in point.weights]
    bound = GradientBound.of(problem)
    found, allowed = (
        unflatten(vector, point).weights
        for vector in (
            flatten(gradient_of(problem.network, problem.data, point)),
            bound.share * bound.gradient(sizes_of(point)),
        )
    )
    for index, weight in enumerate(weights):
        below, above = rational(np.eye(shape.inputs)), rational(np.eye(shape.outputs))
        for other in weights[:index]:
            below = other @ below
        for other in reversed(weights[index + 1 :]):
            above = above @ other
        residual = above @ weight @ below @ rational(problem.data.xx) - rational(problem.data.xy).T
        decay = Fraction(problem.network.layers[index].weight_decay)
        exact = 2 * above.T @ residual @ below.T + 2 * decay * weight
        error = np.abs(rational(found[index]) - exact).astype(float)
        assert np.all(error <= allowed[index])


@pytest.mark.parametrize("seed", range(40))
def test_rounding_of_the_gradient_is_within_its_bound(seed: int) -> None:
    rng = np.random.default_rng(seed)
    problem = replace(random_problem(seed), samples=None)
    point = random_like(problem, rng, float(10.0 ** rng.uniform(-6.0, 3.0)))
    bound = GradientBound.of(problem)
    terms = bound.gradient(sizes_of(point))
    found = bound.values(point)
    error = np.abs(found - extended(bound, point)).astype(float)
    assert np.all(error <= bound.share * terms)
    assert np.all(np.abs(found) <= terms * (1.0 + 1e-12))
    assert bound.share < 1e-13


@pytest.mark.parametrize("seed", range(40))
def test_the_gradient_that_is_judged_is_the_one_at_fixed_means(seed: int) -> None:
    rng = np.random.default_rng(seed)
    problem = random_problem(seed)
    decays = tuple(float(decay) for decay in rng.uniform(0.0, 0.5, problem.network.n_layers))
    problem = replace(problem, network=replace(problem.network, bias_weight_decays=decays))
    point = random_like(problem, rng)
    plain = gradient_of(problem.network, problem.data, point)
    judged = unflatten(GradientBound.of(problem).values(point), point)
    mean = np.zeros(problem.data.inputs) if problem.data.x_mean is None else problem.data.x_mean
    for weight, bias, found, slope, own in zip(
        point.weights, point.biases, plain.weights, judged.weights, plain.biases, strict=True
    ):
        expected = found if own is None else found - np.outer(own, mean)
        assert slope == pytest.approx(expected, rel=1e-9, abs=1e-9 * float(np.abs(found).max()))
        mean = weight @ mean + (0.0 if bias is None else bias)


@pytest.mark.parametrize("offset", [1e3, 1e6])
def test_an_offset_of_the_inputs_hides_no_gradient(offset: float) -> None:
    rng = np.random.default_rng(0)
    # one column with an offset beside one without
    x = rng.standard_normal((40, 2)) + np.array([offset, 0.0])
    y = (x - np.array([offset, 0.0])) @ np.array([[1.0], [2.0]]) + 0.1 * rng.standard_normal((40, 1)) + 3.0
    network = Network((Layer(1),), bias=Bias.OUTPUT, bias_weight_decays=(0.0,))
    problem = Problem(network, moments_of(x, y), Samples(x, y))
    centred = np.linalg.lstsq(x - x.mean(axis=0), y - y.mean(axis=0), rcond=None)[0].T
    for shares, stationary in (([0.0, 0.0], True), ([1e-3, 0.0], False), ([0.0, 1e-9], False)):
        weight = centred * (1.0 + np.array(shares))
        bias = y.mean(axis=0) - weight @ x.mean(axis=0)
        found = stationarity_of(problem, DenseParameters((weight,), (bias,)))
        assert found.stationary is stationary


@pytest.mark.parametrize("seed", range(20))
def test_the_bound_on_the_hessian_is_above_it(seed: int) -> None:
    problem = random_problem(seed)
    point = random_like(problem, np.random.default_rng(seed))
    trained = trained_mask(problem.network, point)
    bound = GradientBound.of(problem).hessian(sizes_of(point), trained)
    assert np.abs(np.linalg.eigvalsh(dense_hessian(problem, point))).max() <= bound


RIDGE = Network((Layer(1, weight_decay=0.1),))


@pytest.mark.parametrize(("yy", "weight"), [(1.0, 5e-8), (1e4, 3e-4), (1e12, 3e-4), (1e12, 1e3), (1e-12, 1e-12)])
def test_a_ridge_away_from_its_minimum_has_no_class(yy: float, weight: float) -> None:
    problem = Problem(RIDGE, Moments(np.eye(1), np.array([[0.9 * min(1.0, np.sqrt(yy))]]), yy))
    found = diagnose(problem, DenseParameters.without_biases([np.array([[weight]])]), solve(problem))
    assert found.point_class is PointClass.NOT_STATIONARY
    assert found.evidence is Evidence.PROVED
    assert found.gradient_norm > 1e3 * found.gradient_tolerance
    assert found.tolerance_source is ToleranceSource.ROUNDING


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
@pytest.mark.parametrize("decayed", [True, False])
def test_no_scale_of_weights_or_targets_makes_a_point_stationary(depth: int, decayed: bool) -> None:
    rng = np.random.default_rng(depth)
    shape = Shape(3, (3,) * (depth - 1), 2)
    network = network_of(shape, random_decays(rng, depth, 0.01, 0.3) if decayed else [0.0] * depth)
    moments = random_moments(rng, shape)
    for yy in (1e-12, 1e-6, 1.0, 1e6, 1e12):
        unit = np.sqrt(yy / moments.yy)
        related = replace(moments, xy=unit * moments.xy, yy=yy)
        unrelated = replace(moments, yy=max(yy, 2.0 * moments.yy))
        for data in (related, unrelated):
            for scale in (1e-12, 1e-9, 5e-8, 1e-6, 3e-4, 1e-2, 1.0, 1e3):
                problem = Problem(network, data)
                weights = [scale * rng.standard_normal(size) for size in _sizes(shape)]
                found = stationarity_of(problem, DenseParameters.without_biases(weights))
                assert not found.stationary
                assert found.norm > 1e3 * found.tolerance


def _sizes(shape: Shape) -> list[tuple[int, int]]:
    widths = [shape.inputs, *shape.hidden, shape.outputs]
    return list(zip(widths[1:], widths[:-1], strict=True))


@pytest.mark.parametrize("power", [-20, -6, 0, 6, 20])
@pytest.mark.parametrize("seed", range(6))
def test_units_of_the_targets_change_no_class(power: int, seed: int) -> None:
    problem, point, predicted = decayed_point(np.random.default_rng(seed))
    unit = 2.0**power
    layers = problem.network.n_layers
    share = unit ** (1.0 / layers)
    decays = unit**2 / share**2
    network = replace(
        problem.network,
        layers=tuple(replace(layer, weight_decay=decays * layer.weight_decay) for layer in problem.network.layers),
    )
    data = replace(problem.data, xy=unit * problem.data.xy, yy=unit**2 * problem.data.yy)
    scaled = Problem(network, data)
    moved = DenseParameters.without_biases([share * weight for weight in point.weights])
    assert diagnose(scaled, moved, solve(scaled)).point_class is predicted


@pytest.mark.parametrize("seed", range(12))
def test_neurons_of_any_scale_change_no_class(seed: int) -> None:
    problem, point = undecayed_point(np.random.default_rng(seed))
    before = diagnose(problem, point, solve(problem))
    weights = list(point.weights)
    for index in range(len(weights) - 1):
        weights[index], weights[index + 1] = weights[index] * 2.0**-30, weights[index + 1] * 2.0**30
    after = diagnose(problem, DenseParameters.without_biases(weights), solve(problem))
    assert after.point_class is before.point_class


FORMS = {NumberFormat.SINGLE: np.float32, NumberFormat.HALF: np.float16}


def rounded(parameters: DenseParameters, form: NumberFormat) -> DenseParameters:
    kind = FORMS[form]
    return DenseParameters(
        tuple(weight.astype(kind).astype(float) for weight in parameters.weights),
        tuple(None if bias is None else bias.astype(kind).astype(float) for bias in parameters.biases),
    )


def random_minimum(seed: int) -> tuple[Problem, DenseParameters]:
    """A solved network with decay, one or several outputs, its minimum other than zero."""
    rng = np.random.default_rng(seed)
    layers = int(rng.integers(2, 4))
    outputs = int(rng.integers(1, 4))
    shape = Shape(int(rng.integers(2, 5)), tuple(int(width) for width in rng.integers(2, 6, layers - 1)), outputs)
    bias = Bias.OUTPUT if outputs == 1 and seed % 2 else Bias.NONE
    draw = random_moments if outputs == 1 else white_moments
    moments = draw(rng, shape)
    network = network_of(shape, random_decays(rng, layers, 1e-4, 1e-2), bias=bias)
    minima = solve(Problem(network, moments))
    assert minima.solution.minimum.parameters is not None
    return Problem(network, moments), dense(minima.solution.minimum.parameters)


@pytest.mark.parametrize("form", FORMS)
def test_minima_in_short_formats_are_stationary_to_their_precision(form: NumberFormat) -> None:
    for seed in range(50):
        problem, exact = random_minimum(seed)
        found = diagnose(problem, rounded(exact, form), solve(problem))
        assert found.precision is form
        assert found.tolerance_source is ToleranceSource.PRECISION
        assert found.point_class is PointClass.GLOBAL_MINIMUM
        assert found.inertia is not None
        assert found.inertia["negative"] == 0
        assert f"{form.value} precision" in found.because
        assert found.evidence is not Evidence.PROVED


def test_saddles_in_single_precision_keep_their_class_without_proof() -> None:
    seen = set()
    for seed in range(40):
        problem, point, predicted = decayed_point(np.random.default_rng(seed))
        stored = rounded(point, NumberFormat.SINGLE)
        found = diagnose(problem, stored, solve(problem))
        assert found.point_class is predicted
        if found.tolerance_source is ToleranceSource.PRECISION:
            assert found.evidence is not Evidence.PROVED
            seen.add(predicted)
    assert PointClass.STRICT_SADDLE in seen
    assert PointClass.GLOBAL_MINIMUM in seen


@pytest.mark.parametrize("form", FORMS)
def test_single_precision_excuses_no_gradient_that_is_larger(form: NumberFormat) -> None:
    for seed in range(20):
        problem, exact = random_minimum(seed)
        moved = DenseParameters(tuple(1.2 * weight for weight in exact.weights), exact.biases)
        found = diagnose(problem, rounded(moved, form), solve(problem))
        assert found.point_class is PointClass.NOT_STATIONARY
        assert found.precision is form


def test_formats_are_told_by_their_digits() -> None:
    numbers = np.random.default_rng(0).standard_normal(30)
    assert format_of([numbers]) is None
    assert format_of([np.eye(3), np.zeros(2), np.array([0.5, 0.75, -3.0])]) is None
    assert format_of([]) is None
    single, half = numbers.astype(np.float32).astype(float), numbers.astype(np.float16).astype(float)
    assert _name(single) is NumberFormat.SINGLE
    assert _name(half) is NumberFormat.HALF
    assert _name(np.ldexp(np.round(np.ldexp(numbers, 6)), -6)) is not NumberFormat.SINGLE
    short = next(row for row in FORMATS if row.precision is NumberFormat.BFLOAT16)
    assert _name(np.round(numbers / short.spacing(numbers)) * short.spacing(numbers)) is NumberFormat.BFLOAT16
    # a number that is repeated says no more than once, and three short ones may be typed
    assert format_of([np.tile([0.376953125, -0.154296875, 0.546875], 5)]) is None
    # one number of full length is enough to tell double precision
    assert format_of([single, np.array([0.1])]) is None
    for row, kind in ((NumberFormat.SINGLE, np.float32), (NumberFormat.HALF, np.float16)):
        of = next(item for item in FORMATS if item.precision is row)
        sizes = numbers.astype(kind)
        assert np.array_equal(of.spacing(sizes.astype(float)), np.spacing(np.abs(sizes)).astype(float))


def _name(numbers: FloatArray) -> NumberFormat | None:
    found = format_of([numbers])
    return None if found is None else found.precision


def test_the_callers_tolerance_decides_and_is_told() -> None:
    problem, exact = random_minimum(3)
    moved = DenseParameters(tuple((1.0 + 1e-6) * weight for weight in exact.weights), exact.biases)
    minima = solve(problem)
    strict = diagnose(problem, moved, minima)
    assert strict.point_class is PointClass.NOT_STATIONARY
    allowed = diagnose(problem, moved, minima, gradient_tolerance=2.0 * strict.gradient_norm)
    assert allowed.point_class is not PointClass.NOT_STATIONARY
    assert allowed.tolerance_source is ToleranceSource.REQUEST
    assert allowed.gradient_tolerance == 2.0 * strict.gradient_norm
    assert allowed.evidence is not Evidence.PROVED
    below = diagnose(problem, moved, minima, gradient_tolerance=0.5 * strict.gradient_norm)
    assert below.point_class is PointClass.NOT_STATIONARY
    # a tolerance below the rounding asks for more than can be known
    assert diagnose(problem, exact, minima, gradient_tolerance=0.0).tolerance_source is ToleranceSource.ROUNDING


def test_gaps_are_never_negative_and_a_refuted_bound_is_dropped() -> None:
    problem, exact = random_minimum(5)
    minima = solve(problem)
    best = minima.solution.minimum
    found = diagnose(problem, exact, minima)
    assert found.gap is not None
    assert found.gap >= 0.0
    wrong = replace(minima, certificate=replace(minima.certificate, lower_bound=best.loss + 0.1 * problem.data.yy))
    refuted = diagnose(problem, exact, wrong)
    assert refuted.gap is None
    assert refuted.point_class is not PointClass.GLOBAL_MINIMUM
    assert "does not hold" in refuted.reasons["gap"]
    worse = replace(minima, solution=replace(minima.solution, minimum=replace(best, loss=best.loss * 1.5)))
    ahead = diagnose(problem, exact, worse)
    assert ahead.gap == 0.0
    assert "best known" in ahead.reasons["gap"]
