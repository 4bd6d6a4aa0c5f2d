"""Minima that are known in closed form, and the start of the path in the decay."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import Bounds, brentq, minimize

from service.core.convex_losses.differences import HalfSquaredLoss
from service.core.convex_losses.labelled import LogisticLoss, PoissonLoss
from service.core.convex_losses.scalar import ScalarLoss
from service.core.ground.numbers.arrays import FloatArray
from service.core.relu.critical import critical_beta
from service.core.relu.minimum import CertifiedLoop, CertifiedNetwork
from service.core.relu.networks import Objective
from tests.support.relu_enumeration import correlation, largest

RELATIVE = 1e-8


def objective_of(x: FloatArray, loss: ScalarLoss, beta: float) -> Objective:
    return Objective(x, loss, beta, 0.0, np.zeros((len(x), 0)))


def solved(objective: Objective) -> CertifiedNetwork:
    found = CertifiedLoop(objective, 1e-9, most=20_000).run()
    assert found.dual.bound <= found.value * (1.0 + 1e-12)
    return found


def soft(z: float, threshold: float) -> float:
    return float(np.sign(z)) * max(abs(z) - threshold, 0.0)


@pytest.mark.parametrize("beta", [0.1, 1.0, 4.0])
def test_one_input(beta: float) -> None:
    rng = np.random.default_rng(0)
    z, y = rng.standard_normal(9), rng.standard_normal(9)
    f = np.zeros(9)
    decay = 0.0
    for side in (1.0, -1.0):
        feature = np.maximum(side * z, 0.0)
        w = soft(float(y @ feature), beta) / float(feature @ feature)
        f, decay = f + w * feature, decay + abs(w)
    expected = 0.5 * float(np.square(f - y).sum()) + beta * decay
    direction = np.array([0.6, -0.8])
    for x in (z[:, None], z[:, None] * direction):
        found = solved(objective_of(x, HalfSquaredLoss(y), beta))
        assert found.value == pytest.approx(expected, rel=RELATIVE)
        assert found.dual.bound == pytest.approx(expected, rel=1e-7)


def orthogonal_value(sigma: FloatArray, y: FloatArray, beta: float) -> float:
    """Minimum for rows that are orthogonal, of lengths sigma (n,)."""
    value = 0.0
    for side in (1.0, -1.0):
        mine = side * y > 0.0
        s, t = sigma[mine], side * y[mine]
        if float(np.square(s * t).sum()) <= beta * beta:
            value += 0.5 * float(t @ t)
            continue

        def excess(rho: float, s: FloatArray = s, t: FloatArray = t) -> float:
            return float(np.square(s * t / (rho * np.square(s) + beta)).sum()) - 1.0

        rho = float(brentq(excess, 0.0, 1e6, xtol=1e-14, rtol=1e-14))
        w = s * t / (np.square(s) + beta / rho)
        value += 0.5 * float(np.square(s * w - t).sum()) + beta * rho
    return value


@pytest.mark.parametrize("seed", range(4))
def test_orthogonal_rows(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(rng.standard_normal((4, 4)))[0]
    sigma, y = rng.uniform(0.5, 3.0, 4), rng.standard_normal(4)
    beta = (0.05, 0.3, 1.0, 3.0)[seed]
    found = solved(objective_of(sigma[:, None] * rotation, HalfSquaredLoss(y), beta))
    assert found.value == pytest.approx(orthogonal_value(sigma, y, beta), rel=RELATIVE)
    assert len(found.units) <= 2


def test_white_rows() -> None:
    y, beta = np.array([3.0, -0.2, 4.0, -0.1]), 2.0
    found = solved(objective_of(np.eye(4), HalfSquaredLoss(y), beta))
    # the positive part has length 5, the negative part less than beta
    expected = beta * 5.0 - 0.5 * beta**2 + 0.5 * (0.2**2 + 0.1**2)
    assert found.value == pytest.approx(expected, rel=RELATIVE)
    fit = HalfSquaredLoss(y).y * np.array([1.0, 0.0, 1.0, 0.0]) * (1.0 - beta / 5.0)
    objective = objective_of(np.eye(4), HalfSquaredLoss(y), beta)
    assert objective.predictions(found.units) == pytest.approx(fit, abs=1e-6)


def test_one_input_with_free_biases_is_a_lasso() -> None:
    """A bias that is a long column of ones costs next to nothing, as none would."""
    rng = np.random.default_rng(1)
    z, beta = np.sort(rng.standard_normal(8)), 0.2
    y = np.abs(z) + 0.1 * rng.standard_normal(8)
    features = np.concatenate([np.maximum(z[:, None] - z, 0.0), np.maximum(z - z[:, None], 0.0)], axis=1)
    matrix = np.concatenate([features, -features, np.ones((8, 1))], axis=1)
    costs = np.append(np.full(32, beta), 0.0)

    def function(q: FloatArray) -> tuple[float, FloatArray]:
        misfit = matrix @ q - y
        return 0.5 * float(misfit @ misfit) + float(costs @ q), matrix.T @ misfit + costs

    lasso = minimize(
        function,
        np.zeros(33),
        jac=True,
        method="L-BFGS-B",
        bounds=Bounds(np.append(np.zeros(32), -np.inf), np.inf),
        options={"maxiter": 20_000, "ftol": 1e-16, "gtol": 1e-12, "maxfun": 100_000},
    ).fun
    long = 3e3
    objective = Objective(np.column_stack([z, np.full(8, long)]), HalfSquaredLoss(y), beta, 0.0, np.ones((8, 1)))
    found = CertifiedLoop(objective, 1e-6, most=20_000).run()
    assert found.dual.bound <= lasso * (1.0 + 1e-6)
    assert found.value == pytest.approx(float(lasso), rel=2e-6)


LOSSES: dict[str, ScalarLoss] = {
    "squared": HalfSquaredLoss(np.array([1.0, -2.0, 0.5, 1.5, -1.0])),
    "logistic": LogisticLoss(np.array([1.0, -1.0, 1.0, 1.0, -1.0])),
    "poisson": PoissonLoss(np.array([0.0, 3.0, 1.0, 2.0, 0.0])),
}


@pytest.mark.parametrize("offset", [False, True])
@pytest.mark.parametrize("loss", LOSSES)
def test_nothing_is_worth_its_cost_from_the_critical_decay(loss: str, offset: bool) -> None:
    x = np.random.default_rng(2).standard_normal((5, 2))
    free = np.ones((5, int(offset)))
    objective = Objective(x, LOSSES[loss], 1.0, 0.0, free)
    y = LOSSES[loss].y
    constant = {"squared": y.mean(), "logistic": np.log(3.0 / 2.0), "poisson": np.log(np.abs(y).mean())}[loss]
    errors = -LOSSES[loss].slope(np.full(5, constant if offset else 0.0))
    expected = max(largest(x, errors), largest(x, -errors))
    found = critical_beta(objective, 5_000)
    assert found.value == pytest.approx(expected, rel=1e-7)
    assert found.bound >= expected * (1.0 - 1e-7)
    above = CertifiedLoop(replace(objective, beta=1.001 * expected), 1e-6, most=2_000).run()
    below = CertifiedLoop(replace(objective, beta=0.98 * expected), 1e-6, most=2_000).run()
    assert len(above.units) == 0
    assert len(below.units) >= 1
    assert below.value < above.value


def test_the_first_unit() -> None:
    """``P = |y|^2/2 - (beta_max - beta)^2 / (2 |phi(u)|^2)`` up to third order."""
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((10, 2)), rng.standard_normal(10)
    angles = np.linspace(0.0, 2.0 * np.pi, 400_001)
    units = np.column_stack([np.cos(angles), np.sin(angles)])
    values = np.abs(correlation(x, y, 0.0, units))
    first, most = units[values.argmax()], max(largest(x, y), largest(x, -y))
    square = float(np.square(np.maximum(x @ first, 0.0)).sum())
    for share in (0.03, 0.01):
        found = solved(objective_of(x, HalfSquaredLoss(y), (1.0 - share) * most))
        gain = 0.5 * (share * most) ** 2 / square
        assert 0.5 * float(y @ y) - found.value == pytest.approx(gain, rel=5.0 * share)


def test_the_path_is_concave_and_its_slope_is_the_sum_of_lengths() -> None:
    rng = np.random.default_rng(4)
    x, y = rng.standard_normal((12, 2)), rng.standard_normal(12)
    betas = np.array([0.2, 0.4, 0.8, 1.6])
    found = [solved(objective_of(x, HalfSquaredLoss(y), float(beta))) for beta in betas]
    slopes = [float(one.units.lengths.sum()) for one in found]
    secants = np.diff([one.value for one in found]) / np.diff(betas)
    for left, secant, right in zip(slopes[:-1], secants, slopes[1:], strict=True):
        assert right - 1e-6 <= secant <= left + 1e-6
