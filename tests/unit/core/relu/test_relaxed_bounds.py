"""Bounds that cost no enumeration are bounds, and near the truth where it is easy."""

import numpy as np
import pytest

from service.core.convex_losses.differences import HalfSquaredLoss, QuantileLoss
from service.core.convex_losses.labelled import LogisticLoss
from service.core.convex_losses.scalar import ScalarLoss
from service.core.relu.minimum import CertifiedLoop
from service.core.relu.networks import Objective
from service.core.relu.relaxed import relaxed_bounds
from service.core.relu.rows import Span
from service.core.relu.search import ConeSearch
from service.core.relu.spectral import spectral_bound
from service.core.relu.training.trainer import Trainer
from tests.support.relu_enumeration import correlation, largest
from tests.support.relu_inputs import FAMILIES, SLOPES


@pytest.mark.parametrize("slope", SLOPES)
@pytest.mark.parametrize("family", FAMILIES)
def test_no_unit_exceeds_the_spectral_bound(family: str, slope: float) -> None:
    for dimension, n in ((1, 6), (2, 12), (3, 8)):
        rng = np.random.default_rng(dimension + 7)
        x, errors = FAMILIES[family](rng, n, dimension), rng.standard_normal(n)
        rows = Span.of(x).with_errors(errors, slope)
        truth = largest(x, errors, slope)
        for steps in (1, 3, 60):
            assert spectral_bound(rows, steps).bound >= truth


def test_the_spectral_bound_is_near_and_nearly_attained() -> None:
    ratios, attained = [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        x, errors = rng.standard_normal((20, 4)), rng.standard_normal(20)
        rows = Span.of(x).with_errors(errors, 0.0)
        search = ConeSearch(rows, 0.0, rtol=1e-3)
        search.run(most=2_000)
        if search.value == 0.0:
            continue
        found = spectral_bound(rows)
        assert found.bound >= search.value
        ratios.append(found.bound / search.value)
        attained.append((found.heights @ (rows.plus - rows.minus) + found.mean @ rows.linear) / found.bound)
    assert np.median(ratios) <= 1.1
    assert max(ratios) <= 2.0
    assert min(attained) >= 0.7
    assert max(attained) <= 1.0


def test_one_sign_in_high_dimension() -> None:
    """Where errors have one sign the correlation is convex; samples come near the bound from below."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 12)) + 1.0
    errors = rng.uniform(0.5, 1.0, 200)
    found = spectral_bound(Span.of(x).with_errors(errors, 0.0))
    towards = (errors @ x)[None] / np.linalg.norm(errors @ x)
    reached = float(correlation(x, errors, 0.0, towards)[0])
    assert reached <= found.bound <= 1.05 * reached


def test_zero_inputs() -> None:
    assert spectral_bound(Span.of(np.zeros((3, 2))).with_errors(np.ones(3), 0.0)).bound == 0.0


def instance(loss: str, n: int, d: int, decay: float) -> Objective:
    rng = np.random.default_rng(d)
    x = rng.standard_normal((n, d))
    y = np.maximum(x @ rng.standard_normal((d, 4)) / np.sqrt(d), 0.0) @ np.array([1.0, -1.0, 1.0, -1.0])
    y = y + 0.1 * rng.standard_normal(n)
    losses: dict[str, ScalarLoss] = {
        "squared": HalfSquaredLoss(y),
        "logistic": LogisticLoss(np.where(y > 0.0, 1.0, -1.0)),
        "quantile": QuantileLoss(y, 0.7),
    }
    return Objective(x, losses[loss], decay * n, 0.0, np.zeros((n, 0)))


@pytest.mark.parametrize("loss", ["squared", "logistic", "quantile"])
def test_relaxed_bounds_rise_and_stay_below_the_minimum(loss: str) -> None:
    objective = instance(loss, 25, 3, 0.03)
    certified = CertifiedLoop(objective, 1e-5, most=3_000).run()
    bounds = list(relaxed_bounds(objective, certified.units, 10))
    values = [bound.bound for bound in bounds]
    assert values == sorted(values)
    assert 0.3 * certified.value <= values[-1] <= certified.value
    for bound in bounds:
        rows = Span.of(objective.x).with_errors(bound.errors, 0.0)
        for one in (rows, rows.reversed):
            search = ConeSearch(one, 0.0, rtol=1e-6)
            search.run(most=3_000)
            assert search.value <= objective.beta * (1.0 + 1e-9)


def test_column_generation_helps_where_scaling_does_not() -> None:
    objective = instance("squared", 60, 8, 0.03)
    trainer = Trainer(objective, 1e-4)
    trainer.train()
    bounds = [bound.bound for bound in relaxed_bounds(objective, trainer.network, 25)]
    assert bounds[-1] < trainer.value
    assert trainer.value - bounds[-1] <= 0.6 * (trainer.value - bounds[0])


def test_a_free_offset_and_a_ridge() -> None:
    base = instance("squared", 25, 3, 0.03)
    free = np.ones((25, 1))
    for ridge in (0.0, 2.0):
        objective = Objective(base.x, base.loss, base.beta, 0.0, free, ridge)
        certified = CertifiedLoop(objective, 1e-5, most=3_000).run()
        last = list(relaxed_bounds(objective, certified.units, 10))[-1]
        assert 0.3 * certified.value <= last.bound <= certified.value
        if ridge == 0.0:
            assert abs(last.errors.sum()) <= 1e-9
