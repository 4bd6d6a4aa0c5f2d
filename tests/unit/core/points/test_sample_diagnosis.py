"""Points of networks with activations: derivatives, what rounding can do to them, and what is said of a point."""

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
from scipy.optimize import minimize

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Moments, Network, Problem, Samples
from service.core.losses import nonlinear
from service.core.losses.dense import DenseParameters, flatten, unflatten
from service.core.points.sample_diagnosis import diagnose_on_samples
from service.core.points.sample_gradient import gradient_on_samples
from service.vocabulary import Activation, Bias, Evidence, Loss, PointClass, ToleranceSource

BENT = [kind for kind in Activation if kind is not Activation.LINEAR]
UNKNOWN = "no bound for this network is known"


def problem_of(kind: Activation, loss: Loss = Loss.SQUARED, decay: float = 0.01, seed: int = 0) -> Problem:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(30, 3)), rng.normal(size=(30, 2))
    weights = None
    if loss in (Loss.LOGISTIC, Loss.EXPONENTIAL, Loss.SQUARED_HINGE):
        y = np.sign(y)
    elif loss is Loss.POISSON:
        y = rng.poisson(2.0, size=(30, 2)).astype(float)
    elif loss is Loss.CROSS_ENTROPY:
        y = np.eye(2)[rng.integers(2, size=30)]
    elif loss is Loss.WEIGHTED_SQUARED:
        weights = rng.uniform(0.5, 2.0, size=(30, 2))
    slope = 0.2 if kind is Activation.LEAKY_RELU else None
    layers = (Layer(4, kind, slope, decay), Layer(3, kind, slope, decay), Layer(2, weight_decay=decay))
    network = Network(layers, bias=Bias.ALL, bias_weight_decays=(decay,) * 3)
    moments = Moments(x.T @ x / 30, x.T @ y / 30, float(np.sum(y * y)) / 30, 30, x.mean(axis=0), y.mean(axis=0))
    return Problem(network, moments, Samples(x, y, weights), loss)


def point_of(scale: float = 0.7, seed: int = 1) -> DenseParameters:
    rng = np.random.default_rng(seed)
    shapes = ((4, 3), (3, 4), (2, 3))
    return DenseParameters(
        tuple(scale * rng.normal(size=shape) for shape in shapes),
        tuple(scale * rng.normal(size=rows) for rows, _ in shapes),
    )


def descended(problem: Problem) -> DenseParameters:
    """Where Newton steps after a descent end."""
    assert problem.samples is not None
    like, samples = point_of(), problem.samples

    def value(flat: FloatArray) -> tuple[float, FloatArray]:
        found = nonlinear.evaluate(problem.network, problem.loss, unflatten(flat, like), samples)
        return found.loss, flatten(found.gradient)

    options: Any = {"maxiter": 20_000, "gtol": 1e-14}
    found = np.asarray(minimize(value, flatten(like), jac=True, method="BFGS", options=options).x)
    for _ in range(5):
        step = 1e-5
        moved = [value(found + step * unit)[1] - value(found - step * unit)[1] for unit in np.eye(found.size)]
        found = found - np.linalg.solve(np.array(moved) / (2 * step), value(found)[1])
    return unflatten(found, like)


@pytest.mark.parametrize("loss", sorted(Loss))
@pytest.mark.parametrize("kind", BENT)
def test_the_gradient_is_that_of_long_arithmetic_within_its_rounding(kind: Activation, loss: Loss) -> None:
    problem, point = problem_of(kind, loss), point_of()
    assert problem.samples is not None
    found = gradient_on_samples(problem.network, loss, point, problem.samples)
    long = DenseParameters(
        tuple(np.asarray(part, np.longdouble) for part in point.weights),
        tuple(None if part is None else np.asarray(part, np.longdouble) for part in point.biases),
    )
    x, y = (np.asarray(part, np.longdouble) for part in (problem.samples.x, problem.samples.y))
    samples = Samples(cast("FloatArray", x), cast("FloatArray", y))
    exact = nonlinear.evaluate(problem.network, loss, long, replace(samples, weights=problem.samples.weights))
    off = np.abs(found.gradient - flatten(exact.gradient))
    assert np.all(off <= found.rounding)
    assert off.any()
    # a bound that is of use: a million times below the gradient
    assert np.all(found.rounding < 1e-10 * np.linalg.norm(found.gradient))
    assert abs(found.fit + found.decay - exact.loss) <= found.loss_rounding < 1e-11 * exact.loss


@pytest.mark.parametrize("loss", sorted(Loss))
def test_the_least_eigenvalue_is_that_of_differences_of_the_gradient(loss: Loss) -> None:
    problem, point = problem_of(Activation.TANH, loss), point_of()
    assert problem.samples is not None
    found = diagnose_on_samples(problem, point, None, UNKNOWN)
    samples, step, flat = problem.samples, 1e-6, flatten(point)
    columns = [
        flatten(nonlinear.evaluate(problem.network, loss, unflatten(flat + step * unit, point), samples).gradient)
        - flatten(nonlinear.evaluate(problem.network, loss, unflatten(flat - step * unit, point), samples).gradient)
        for unit in np.eye(flat.size)
    ]
    hessian = np.array(columns) / (2 * step)
    least = np.linalg.eigvalsh(0.5 * (hessian + hessian.T))[0]
    assert found.least_hessian_eigenvalue == pytest.approx(least, abs=1e-7)
    assert (found.point_class, found.evidence) == (PointClass.NOT_STATIONARY, Evidence.PROVED)
    assert found.gap is None
    assert found.reasons["gap"] == UNKNOWN
    assert found.escape is not None
    after = unflatten(flat + found.escape.step * found.escape.direction, point)
    fallen = found.loss - nonlinear.loss_of(problem.network, loss, after, samples)
    assert fallen == pytest.approx(found.escape.decrease, rel=1e-9)
    assert fallen > 0.0


@pytest.mark.parametrize("kind", [Activation.TANH, Activation.SIGMOID, Activation.SOFTPLUS])
def test_where_training_ends_no_more_is_claimed_than_is_seen(kind: Activation) -> None:
    problem = problem_of(kind)
    found = diagnose_on_samples(problem, descended(problem), None, UNKNOWN)
    assert found.tolerance_source is ToleranceSource.ROUNDING
    assert found.point_class in (PointClass.LOCAL_MINIMUM, PointClass.STRICT_SADDLE, PointClass.DEGENERATE)
    assert found.evidence is Evidence.OBSERVED
    assert found.point_class is not PointClass.LOCAL_MINIMUM or found.escape is None


def test_weights_in_single_precision_are_stationary_to_single_precision() -> None:
    problem = problem_of(Activation.SOFTPLUS)
    exact = descended(problem)
    stored = DenseParameters(
        tuple(part.astype(np.float32).astype(float) for part in exact.weights),
        tuple(None if part is None else part.astype(np.float32).astype(float) for part in exact.biases),
    )
    found = diagnose_on_samples(problem, stored, None, UNKNOWN)
    assert found.tolerance_source is ToleranceSource.PRECISION
    assert found.point_class is not PointClass.NOT_STATIONARY
    assert "single precision" in found.because


def test_at_a_kink_no_class_and_no_curvature_is_claimed() -> None:
    problem = problem_of(Activation.RELU)
    origin = unflatten(np.zeros(flatten(point_of()).size), point_of())
    found = diagnose_on_samples(problem, origin, None, UNKNOWN)
    assert (found.point_class, found.evidence) == (PointClass.DEGENERATE, Evidence.OBSERVED)
    assert "at a kink" in found.because
    assert found.inertia is None
    assert "kink" in found.reasons["inertia"]


def test_a_row_of_zeros_is_at_no_kink_without_a_bias() -> None:
    problem = problem_of(Activation.RELU)
    assert problem.samples is not None
    network = replace(problem.network, bias=Bias.NONE, bias_weight_decays=())
    x = problem.samples.x.copy()
    x[3] = 0.0
    point = DenseParameters.without_biases(point_of().weights)
    found = gradient_on_samples(network, Loss.SQUARED, point, Samples(x, problem.samples.y))
    assert found.kinks == 0
    with_bias = unflatten(np.concatenate([flatten(point), np.zeros(9)]), point_of())
    assert gradient_on_samples(problem.network, Loss.SQUARED, with_bias, Samples(x, problem.samples.y)).kinks > 0


def test_beyond_a_thousand_weights_the_least_eigenvalue_is_found_without_the_matrix(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    problem, point = problem_of(Activation.TANH), point_of()
    whole = diagnose_on_samples(problem, point, None, UNKNOWN)
    monkeypatch.setattr("service.core.points.sample_diagnosis.DENSE", 5)
    found = diagnose_on_samples(problem, point, None, UNKNOWN)
    assert found.least_hessian_eigenvalue == pytest.approx(whole.least_hessian_eigenvalue, abs=1e-9)
    assert found.inertia is None
    assert "more than 5 parameters" in found.reasons["inertia"]


def test_the_gradient_that_the_caller_allows_is_enough() -> None:
    problem, point = problem_of(Activation.TANH), point_of()
    found = diagnose_on_samples(problem, point, None, UNKNOWN, gradient_tolerance=1e3)
    assert found.tolerance_source is ToleranceSource.REQUEST
    assert found.point_class is PointClass.STRICT_SADDLE
    assert "gradient tolerance of the request" in found.because
