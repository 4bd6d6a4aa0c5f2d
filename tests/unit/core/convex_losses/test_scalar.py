"""Slopes are derivatives, and conjugates are those of the losses."""

import numpy as np
import pytest

from service.core.convex_losses.differences import HalfSquaredLoss, HuberLoss, QuantileLoss
from service.core.convex_losses.labelled import LogisticLoss, PoissonLoss, SquaredHingeLoss
from service.core.convex_losses.scalar import ScalarLoss
from service.core.relu.dual import dual_bound, dual_value
from service.core.relu.networks import HiddenUnits, Objective
from tests.support.relu_enumeration import largest

RNG = np.random.default_rng(0)
N = 12
REAL, CLASSES, COUNTS = RNG.standard_normal(N), np.sign(RNG.standard_normal(N)), RNG.poisson(2.0, N).astype(float)
LOSSES: dict[str, ScalarLoss] = {
    "squared": HalfSquaredLoss(REAL),
    "logistic": LogisticLoss(CLASSES),
    "squared hinge": SquaredHingeLoss(CLASSES),
    "huber": HuberLoss(REAL, 0.7),
    "absolute": QuantileLoss(REAL, 0.5, 2.0),
    "quantile": QuantileLoss(REAL, 0.8),
    "poisson": PoissonLoss(COUNTS),
}


@pytest.fixture(params=LOSSES)
def loss(request: pytest.FixtureRequest) -> ScalarLoss:
    return LOSSES[request.param]


def predictions_of(loss: ScalarLoss) -> np.ndarray:
    """Predictions away from kinks."""
    f = np.random.default_rng(1).standard_normal(N)
    return np.where(np.abs(np.abs(f - loss.y) - 0.7) < 1e-3, f + 0.01, f)


def test_slopes_are_derivatives(loss: ScalarLoss) -> None:
    f, h = predictions_of(loss), 1e-6
    assert loss.slope(f) == pytest.approx((loss.each(f + h) - loss.each(f - h)) / (2.0 * h), abs=1e-7)
    assert loss.curvature(f) == pytest.approx((loss.slope(f + h) - loss.slope(f - h)) / (2.0 * h), abs=1e-6)
    assert (loss.curvature(f) >= 0.0).all()


def test_rounded_values_have_the_slopes(loss: ScalarLoss) -> None:
    smooth, f, h = loss.smoothed(0.3), predictions_of(loss), 1e-6
    for sample in range(N):
        move = h * np.eye(N)[sample]
        slope = (smooth.rounded_value(f + move) - smooth.rounded_value(f - move)) / (2.0 * h)
        assert slope == pytest.approx(float(smooth.slope(f)[sample]), abs=1e-6)
    assert abs(smooth.rounded_value(f) - loss.value(f)) <= (0.3 * N if loss.has_kinks else 0.0)


def test_conjugates_are_attained_at_slopes(loss: ScalarLoss) -> None:
    """Fenchel and Young: ``l(f) >= -v f - l*(-v)``, with equality at ``v = -l'(f)``."""
    f = predictions_of(loss)
    v = -loss.slope(f)
    assert loss.each(f) == pytest.approx(-v * f + loss.dual_each(v), abs=1e-12)
    others = np.random.default_rng(2).standard_normal((200, N)) * 2.0
    for other in others:
        assert (loss.each(other) >= -v * other + loss.dual_each(v) - 1e-12).all()
        with np.errstate(invalid="ignore"):
            assert (loss.each(f) >= -other * f + loss.dual_each(other) - 1e-12).all()


def test_errors_with_room_stay_in_the_domain(loss: ScalarLoss) -> None:
    f = predictions_of(loss)
    objective = Objective(np.ones((N, 1)), loss, 1.0, 0.0, np.ones((N, 1)))
    errors = objective.errors(objective.nothing) if loss.has_kinks else -loss.slope(f)
    admissible = objective.admissible(errors)
    assert np.isfinite(loss.dual(0.1 * admissible))
    if not loss.has_kinks:
        assert abs(admissible.sum()) <= 1e-9


@pytest.mark.parametrize("slope", [0.0, 0.1, -1.0])
def test_any_errors_bound_any_network_from_below(loss: ScalarLoss, slope: float) -> None:
    rng = np.random.default_rng(3)
    x = rng.standard_normal((N, 2))
    objective = Objective(x, loss, 0.3, slope, np.zeros((N, 0)))
    bounds = []
    for f in (np.zeros(N), 0.5 * rng.standard_normal(N), rng.standard_normal(N)):
        v = -loss.slope(f)
        m = max(largest(x, v, slope), largest(x, -v, slope))
        found = dual_bound(objective, v, m * (1.0 + 1e-12))
        assert found.feature_bound <= objective.beta * (1.0 + 1e-9)
        assert found.bound <= dual_value(objective, found.errors)
        bounds.append(found.bound)
    for _ in range(200):
        count = int(rng.integers(0, 4))
        w = rng.standard_normal((count, 2)) * rng.uniform(0.0, 1.0)
        units = type(objective.nothing)(w, np.sign(rng.standard_normal(count)), np.zeros(0))
        true_value = loss.value(objective.predictions(units)) + objective.decay(units)
        assert max(bounds) <= true_value
    # at least what no errors at all prove
    assert max(bounds) >= loss.dual(np.zeros(N)) - 1e-9


def test_a_decayed_offset_costs_its_ridge() -> None:
    """With features that are nothing the problem is ridge regression on a constant."""
    y = np.array([1.0, 2.0, 4.0])
    objective = Objective(np.zeros((3, 1)), HalfSquaredLoss(y), 1.0, 0.0, np.ones((3, 1)), 0.5)
    offset = y.sum() / (3.0 + 2.0 * 0.5)
    best = 0.5 * float(np.square(y - offset).sum()) + 0.5 * offset**2
    assert dual_value(objective, y - offset) == pytest.approx(best, rel=1e-14)
    assert dual_value(objective, 0.9 * (y - offset)) < best


def test_errors_that_nothing_can_correct_prove_nothing() -> None:
    """All errors of a Huber loss at their limit, and a free offset that all of them are correlated with."""
    x, y = np.array([[1.0], [2.0], [-1.0]]), np.array([5.0, 6.0, 7.0])
    objective = Objective(x, HuberLoss(y, 0.5), 1.0, 0.0, np.ones((3, 1)))
    errors = objective.admissible(objective.errors(objective.nothing))
    assert not objective.is_admissible(errors)
    offset = HiddenUnits(np.zeros((0, 1)), np.zeros(0), np.array([6.0]))
    assert dual_bound(objective, errors, 1e-9).bound <= objective.value(offset)
