"""Newton's method on maps of one rank ends at a stationary map on inputs of very different scales, too."""

import numpy as np
import pytest

from service.core.several_outputs.concave_penalty import fixed_rank
from service.core.several_outputs.concave_penalty.fixed_rank import Point, newton
from service.core.several_outputs.concave_penalty.penalised import Penalised
from service.core.several_outputs.concave_penalty.reweighted import settle
from service.core.several_outputs.nuclear_norm.solution import minimise
from service.core.several_outputs.squared_error.quadratic import Quadratic


def objective_of(rng: np.random.Generator, outputs: int, inputs: int, decades: float, decay: float) -> Penalised:
    scales = np.sort(10.0 ** -rng.uniform(0.0, decades, inputs))[::-1]
    target = rng.standard_normal((outputs, inputs))
    quadratic = Quadratic(None, scales, target, 0.1, float(np.sum(target**2)) + 0.1, None, None, 1e-14)
    return Penalised.of(quadratic, np.full(3, decay * quadratic.correlation_norm), min(outputs, inputs))


def point_of(rng: np.random.Generator, objective: Penalised, rank: int) -> Point:
    left = np.linalg.qr(rng.standard_normal((objective.quadratic.target.shape[0], rank)))[0]
    right = np.linalg.qr(rng.standard_normal((objective.quadratic.rank, rank)))[0]
    return Point(left, np.sort(rng.uniform(0.5, 2.0, rank))[::-1], right)


@pytest.mark.parametrize("seed", range(4))
def test_the_exact_direction_solves_newtons_equation(seed: int) -> None:
    rng = np.random.default_rng(seed)
    objective = objective_of(rng, 3, 5, 1.0, 0.3)
    # near a minimum the Hessian is positive and the direction is Newton's own
    left, values, right = np.linalg.svd(settle(objective, objective.quadratic.target / objective.quadratic.scales))
    rank = int(np.count_nonzero(values > 1e-9))
    found = Point(left[:, :rank], values[:rank], right[:rank].T)
    near = fixed_rank.factored(found.left * found.values, found.right + 1e-4 * rng.standard_normal(found.right.shape))
    model = fixed_rank._Model(objective, near)
    step = fixed_rank._exact_direction(model)
    left_over = model.hessian(step).plus(model.gradient, 1.0)
    assert left_over.dot(left_over) <= 1e-16 * model.gradient.dot(model.gradient)
    assert model.gradient.dot(step) < 0.0


@pytest.mark.parametrize("decades", [0.0, 2.0, 4.0, 6.0])
@pytest.mark.parametrize("decay", [1e-4, 1e-2, 0.1])
def test_the_gradient_vanishes_whatever_the_scales(decades: float, decay: float) -> None:
    rng = np.random.default_rng(int(10 * decades))
    objective = objective_of(rng, 3, 8, decades, decay)
    relaxed = minimise(objective.quadratic, 0.1 * decay * objective.quadratic.correlation_norm)
    left, values, right = np.linalg.svd(settle(objective, (relaxed.left * relaxed.values) @ relaxed.right.T))
    rank = int(np.count_nonzero(values > 1e-9 * max(float(values[0]), 1e-300)))
    if not values.any():
        return
    model = fixed_rank._Model(objective, newton(objective, Point(left[:, :rank], values[:rank], right[:rank].T)))
    assert np.sqrt(model.gradient.dot(model.gradient)) <= 1e-11 * objective.quadratic.correlation_norm


def test_products_give_the_same_direction_where_inputs_are_alike() -> None:
    rng = np.random.default_rng(9)
    objective = objective_of(rng, 3, 4, 0.3, 0.1)
    point = point_of(rng, objective, 2)
    end = newton(objective, point)
    model = fixed_rank._Model(objective, fixed_rank.factored(end.left * end.values, end.right + 1e-6))
    size = float(np.sqrt(model.gradient.dot(model.gradient)))
    first = fixed_rank._exact_direction(model)
    second = fixed_rank._direction(model, size, objective.quadratic.correlation_norm)
    apart = first.plus(second, -1.0)
    assert apart.dot(apart) <= 1e-2 * first.dot(first)
