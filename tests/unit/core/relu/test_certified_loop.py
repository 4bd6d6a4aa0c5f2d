"""The loop against restarts of another minimiser, the cone program on all patterns, and its own promises."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize

from service.core.convex_losses.differences import HalfSquaredLoss, HuberLoss, QuantileLoss
from service.core.convex_losses.labelled import LogisticLoss, PoissonLoss, SquaredHingeLoss
from service.core.convex_losses.scalar import ScalarLoss
from service.core.ground.numbers.arrays import FloatArray
from service.core.relu.minimum import CertifiedLoop, CertifiedNetwork
from service.core.relu.networks import HiddenUnits, Objective
from service.core.relu.training.trimming import merged, narrowed
from tests.support.relu_enumeration import patterns
from tests.support.relu_inputs import FAMILIES

MOST_CONES = 4_000
LOSSES: dict[str, Callable[[FloatArray], ScalarLoss]] = {
    "squared": HalfSquaredLoss,
    "logistic": lambda y: LogisticLoss(np.where(y > 0.0, 1.0, -1.0)),
    "squared hinge": lambda y: SquaredHingeLoss(np.where(y > 0.0, 1.0, -1.0)),
    "huber": lambda y: HuberLoss(y, 0.5),
    "absolute": lambda y: QuantileLoss(y, 0.5, 2.0),
    "quantile": lambda y: QuantileLoss(y, 0.8),
    "poisson": lambda y: PoissonLoss(np.abs(np.rint(2.0 * y))),
}


def true_value(objective: Objective, units: HiddenUnits) -> float:
    return objective.loss.value(objective.predictions(units)) + objective.decay(units)


def solved(objective: Objective) -> CertifiedNetwork:
    return CertifiedLoop(objective, 1e-6, most=MOST_CONES).run()


def descended(objective: Objective, seed: int, width: int = 6) -> float:
    """Where L-BFGS from random weights of both layers ends."""
    rng = np.random.default_rng(seed)
    d, free = objective.x.shape[1], objective.free.shape[1]
    loss: ScalarLoss = objective.loss.smoothed(1e-3)

    def function(weights: np.ndarray) -> tuple[float, np.ndarray]:
        u, a, c = weights[: width * d].reshape(width, d), weights[width * d : width * (d + 1)], weights[-free:]
        c = c if free else np.zeros(0)
        products = objective.x @ u.T
        hidden = np.maximum(products, objective.slope * products)
        f = hidden @ a + objective.free @ c
        slope = loss.slope(f)
        back = slope[:, None] * a * np.where(products > 0.0, 1.0, objective.slope)
        decay = 0.5 * objective.beta * (np.square(u).sum() + a @ a) + objective.ridge * (c @ c)
        by_c = objective.free.T @ slope + 2.0 * objective.ridge * c
        gradient = np.concatenate(
            [(back.T @ objective.x + objective.beta * u).ravel(), hidden.T @ slope + objective.beta * a, by_c]
        )
        return loss.rounded_value(f) + decay, gradient

    result = minimize(function, 0.7 * rng.standard_normal(width * (d + 1) + free), jac=True, method="L-BFGS-B")
    weights = result.x
    u, a = weights[: width * d].reshape(width, d), weights[width * d : width * (d + 1)]
    w = np.abs(a)[:, None] * u
    units = HiddenUnits(w, np.where(a < 0.0, -1.0, 1.0), weights[width * (d + 1) :])
    return true_value(objective, units)


def problem(loss: str, d: int, n: int, seed: int, family: str = "plain") -> Objective:
    rng = np.random.default_rng(seed)
    x = FAMILIES[family](rng, n, d)
    y = np.maximum(x @ rng.standard_normal(d), 0.0) - np.maximum(x @ rng.standard_normal(d), 0.0)
    y = y + 0.3 * rng.standard_normal(n)
    return Objective(x, LOSSES[loss](y), 0.05 * n, 0.0, np.zeros((n, 0)))


def checked(objective: Objective, tolerance: float = 2e-6) -> CertifiedNetwork:
    found = solved(objective)
    value = true_value(objective, found.units)
    assert found.dual.bound <= value
    # errors at a kink are known less well than the value
    assert value - found.dual.bound <= (2e-3 if objective.loss.has_kinks else tolerance) * abs(value)
    reached = [descended(objective, seed) for seed in range(3)]
    assert min(reached) >= found.dual.bound
    # what it is compared with is a minimiser, too
    assert min(reached) <= value + (0.2 if objective.loss.has_kinks else 0.05) * abs(value)
    return found


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("loss", LOSSES)
def test_no_descent_ends_below_the_bound(loss: str, d: int) -> None:
    checked(problem(loss, d, 14, d))


@pytest.mark.parametrize("slope", [0.1, 0.5, -1.0])
def test_other_activations(slope: float) -> None:
    checked(replace(problem("squared", 2, 12, 5), slope=slope))


@pytest.mark.parametrize("loss", ["squared", "logistic", "huber"])
def test_a_free_offset(loss: str) -> None:
    base = problem(loss, 2, 12, 6)
    free = replace(base, free=np.ones((12, 1)))
    found = checked(free)
    assert found.value <= solved(base).value * (1.0 + 1e-9)
    assert abs(found.dual.errors.sum()) <= 1e-9


def test_a_free_linear_skip() -> None:
    base = problem("squared", 2, 12, 7)
    found = checked(replace(base, free=base.x))
    assert np.abs(base.x.T @ found.dual.errors).max() <= 1e-9


def test_a_decayed_offset() -> None:
    base = problem("squared", 2, 12, 8)
    ridges = [checked(replace(base, free=np.ones((12, 1)), ridge=ridge)).value for ridge in (0.1, 1.0, 10.0)]
    free, none = checked(replace(base, free=np.ones((12, 1)))).value, checked(base).value
    assert free <= ridges[0] <= ridges[1] <= ridges[2] <= none * (1.0 + 1e-9)


@pytest.mark.parametrize("family", sorted(set(FAMILIES) - {"unequal"}))
def test_degenerate_inputs(family: str) -> None:
    objective = problem("squared", 2, 10, 9, family)
    found = solved(objective)
    assert found.dual.bound <= found.value
    assert found.gap <= 2e-6


@pytest.mark.parametrize(("d", "n"), [(2, 8), (2, 10), (3, 7)])
@pytest.mark.parametrize("loss", ["squared", "logistic", "huber"])
def test_the_cone_program_on_all_patterns_agrees(d: int, n: int, loss: str) -> None:
    cp = pytest.importorskip("cvxpy")
    objective = problem(loss, d, n, 10 + n)
    x, y = objective.x, objective.loss.y
    active = patterns(x).astype(float)
    f, decay, constraints = 0, 0, []
    for pattern in active:
        for sign in (1.0, -1.0):
            w = cp.Variable(d)
            f = f + sign * cp.multiply(pattern, x @ w)
            decay = decay + cp.norm(w, 2)
            constraints.append(cp.multiply(2.0 * pattern - 1.0, x @ w) >= 0)
    fit = {
        "squared": lambda: 0.5 * cp.sum_squares(f - y),
        "logistic": lambda: cp.sum(cp.logistic(-cp.multiply(y, f))),
        "huber": lambda: 0.5 * cp.sum(cp.huber(f - y, 0.5)),
    }[loss]()
    program = cp.Problem(cp.Minimize(fit + objective.beta * decay), constraints)
    program.solve(solver="CLARABEL")
    found = solved(objective)
    assert found.dual.bound <= program.value * (1.0 + 1e-8)
    assert found.value == pytest.approx(program.value, rel=1e-7)


def test_narrowing_keeps_predictions_and_costs_no_more() -> None:
    rng = np.random.default_rng(11)
    objective = problem("squared", 3, 6, 12)
    units = HiddenUnits(rng.standard_normal((15, 3)), np.sign(rng.standard_normal(15)), np.zeros(0))
    fewer = narrowed(objective, units)
    assert len(fewer) <= 6
    assert objective.predictions(fewer) == pytest.approx(objective.predictions(units), abs=1e-9)
    assert objective.decay(fewer) <= objective.decay(units) * (1.0 + 1e-12)


def test_split_units_are_merged() -> None:
    objective = problem("squared", 3, 10, 13)
    w = np.random.default_rng(14).standard_normal((2, 3))
    split = HiddenUnits(np.concatenate([0.3 * w, 0.7 * w]), np.array([1.0, -1.0, 1.0, -1.0]), np.zeros(0))
    joined = merged(objective, split, 1e-13)
    assert len(joined) == 2
    assert true_value(objective, joined) == pytest.approx(true_value(objective, split), rel=1e-12)
    # units whose sum fits worse stay apart
    apart = HiddenUnits(np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]), np.ones(2), np.zeros(0))
    assert len(merged(objective, apart, 1e-13)) == 2
