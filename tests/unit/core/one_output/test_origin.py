"""The origin: its class and curvature by the Hessian, its trapping radius by gradient flow, the barrier by scans."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from service.core.curvature.dense import hessian_of
from service.core.dispatch import solve
from service.core.ground.data.moments import moments_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Moments, Problem
from service.core.ground.results import Origin
from service.core.losses.dense import DenseParameters, flatten, unflatten
from service.core.losses.expected import gradient_of
from service.core.one_output.reduced import reduce
from service.core.one_output.sphere import loss_on_spheres
from service.vocabulary import Bias, PointClass
from tests.support.instances import random_like, value, zeros_like
from tests.support.one_output_cases import FOUR_ROOTS, TWO_INPUTS, diagonal, network, problem, with_decays_times


def origin_of(base: Problem) -> Origin:
    return solve(replace(base)).solution.origin


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_least_eigenvalue_and_class_by_the_hessian(depth: int, noise: float) -> None:
    rng = np.random.default_rng(depth)
    for scale in (0.1, 1.0, 20.0):
        decays = scale * rng.uniform(0.05, 0.3, depth + 1)
        base = Problem(network(depth, noise=noise, decays=decays, width=2), TWO_INPUTS)
        least = float(np.linalg.eigvalsh(hessian_of(base.network, base.data, zeros_like(base)))[0])
        found = origin_of(base)
        assert found.least_hessian_eigenvalue == pytest.approx(least, rel=1e-9, abs=1e-12)
        assert (found.point_class is PointClass.STRICT_SADDLE) == (least < 0.0)
        if depth == 1:
            length = float(np.linalg.norm(base.data.xy))
            assert (least < 0.0) == (length**2 > float(np.prod(decays)))


@pytest.mark.parametrize("bias", [Bias.OUTPUT, Bias.ALL])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_least_eigenvalue_with_biases_at_their_best(depth: int, bias: Bias) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20, 2)) + 1.0
    moments = moments_of(x, x @ np.array([[0.5], [0.2]]) + 0.3)
    base = Problem(replace(network(depth, 0.2, width=2), bias=bias), moments)
    point = zeros_like(base)
    biases = (*point.biases[:-1], np.array([float(np.mean(x @ np.array([0.5, 0.2]))) + 0.3]))
    values = np.linalg.eigvalsh(hessian_of(base.network, moments, DenseParameters(point.weights, biases)))
    assert origin_of(base).least_hessian_eigenvalue == pytest.approx(float(values[0]), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    ("decays", "expected"),
    [
        ((0.1, 0.1, 0.1), PointClass.LOCAL_MINIMUM),
        ((0.1, 0.1, 0.0), PointClass.LOCAL_MINIMUM),
        ((0.1, 0.0, 0.0), PointClass.NON_STRICT_SADDLE),
        ((0.0, 0.0, 0.0), PointClass.NON_STRICT_SADDLE),
    ],
)
def test_class_with_zero_decays_by_the_loss_nearby(decays: tuple[float, ...], expected: PointClass) -> None:
    base = Problem(network(2, decays=np.array(decays), width=2), TWO_INPUTS)
    assert origin_of(base).point_class is expected
    rng = np.random.default_rng(0)
    # undecayed layers of size r and decayed ones of size r^2 lower the loss wherever that can be
    lower = 0
    for _ in range(400):
        r = 1e-3
        point = random_like(base, rng)
        sizes = [r if decay == 0.0 else r**2 for decay in decays]
        if 0.0 not in decays:
            sizes = [r] * 3
        moved = DenseParameters(
            tuple(size * weight for size, weight in zip(sizes, point.weights, strict=True)), point.biases
        )
        lower += value(base, moved) < base.data.yy - 1e-15
    assert (lower > 0) == (expected is not PointClass.LOCAL_MINIMUM)


def flow_ends_at_origin(base: Problem, start: DenseParameters) -> bool:
    """Integrate gradient flow and tell whether it reaches a small fraction of its start."""
    begin = flatten(start)

    def velocity(_: float, vector: FloatArray) -> FloatArray:
        slope: FloatArray = -flatten(gradient_of(base.network, base.data, unflatten(vector, start)))
        return slope

    time = 40.0 / float(base.network.weight_decays.min())
    path = solve_ivp(velocity, (0.0, time), begin, method="LSODA", rtol=1e-8, atol=1e-12)
    return float(np.linalg.norm(path.y[:, -1])) < 1e-3 * float(np.linalg.norm(begin))


@pytest.mark.parametrize("depth", [2, 3])
@pytest.mark.parametrize("noise", [0.0, 0.4])
def test_starts_inside_the_escape_norm_flow_to_the_origin(depth: int, noise: float) -> None:
    rng = np.random.default_rng(depth)
    base = Problem(
        network(depth, noise=noise, decays=rng.uniform(0.05, 0.15, depth + 1), width=2),
        TWO_INPUTS,
    )
    radius = origin_of(base).escape_norm
    assert radius is not None
    assert not solve(base).solution.minimum.trivial
    best = solve(base).solution.minimum.parameters
    assert best is not None
    towards = DenseParameters.without_biases([weight.dense() for weight in best.weights])
    for start in (towards, *(random_like(base, rng) for _ in range(6))):
        length = float(np.linalg.norm(flatten(start)))
        inside = unflatten(flatten(start) * (0.99 * radius / length), start)
        assert flow_ends_at_origin(base, inside)
    assert not flow_ends_at_origin(base, towards)


def test_the_radius_is_necessary_and_not_sufficient() -> None:
    base = problem(2, diagonal(np.array([1.0]), np.array([1.0]), 1.0), decay=0.05, width=1)
    radius = origin_of(base).escape_norm
    assert radius == pytest.approx(np.sqrt(3.0) * 0.05, rel=1e-12)
    unbalanced = DenseParameters.without_biases([np.array([[2.0]]), np.zeros((1, 1)), np.zeros((1, 1))])
    assert flow_ends_at_origin(base, unbalanced)


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_barrier_is_the_highest_loss_on_the_way_in_norm(depth: int) -> None:
    for moments, decay in ((TWO_INPUTS, 0.1), (TWO_INPUTS, 0.01), FOUR_ROOTS):
        base = problem(depth, moments, decay=decay, noise=0.1)
        answer = solve(base).solution
        if answer.minimum.trivial:
            assert answer.origin.barrier_height == 0.0
            continue
        reduced = reduce(base.network, base.data)
        norms = np.geomspace(1e-9, 1.0, 20_001) * float(answer.minimum.singular_values[0])
        height = float(loss_on_spheres(reduced, norms).max()) - base.data.yy
        assert answer.origin.barrier_height == pytest.approx(height, rel=1e-5)
        assert height > 0.0


def test_one_hidden_layer_has_no_barrier() -> None:
    assert origin_of(problem(1)).barrier_height == 0.0


def test_missing_numbers_have_reasons() -> None:
    centred = replace(TWO_INPUTS, x_mean=np.zeros(2), y_mean=np.zeros(1))
    cases = [
        problem(0),
        problem(1),
        problem(1, decay=5.0),
        problem(2, Moments(np.eye(2), np.zeros((2, 1)), 1.0)),
        Problem(network(2, decays=np.array([0.1, 0.0, 0.1])), TWO_INPUTS),
        problem(2, decay=0.0),
        Problem(replace(network(2), bias=Bias.ALL), centred),
        with_decays_times(problem(3), 100.0),
    ]
    for base in cases:
        found = origin_of(base)
        names = ("least_hessian_eigenvalue", "barrier_height", "escape_norm")
        assert {name for name in names if getattr(found, name) is None} <= set(found.reasons)
