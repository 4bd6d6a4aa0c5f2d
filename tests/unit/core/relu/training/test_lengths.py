"""Lengths of units with fixed directions: the best there are, by the conditions of a convex problem."""

import numpy as np
import pytest

from service.core.convex_losses.differences import HalfSquaredLoss
from service.core.relu.networks import HiddenUnits, Objective
from service.core.relu.training.lengths import relengthened
from tests.support.relu_instances import instance

SEEDS = range(12)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_other_lengths_are_better(seed: int) -> None:
    objective = instance(seed).objective
    rng = np.random.default_rng(seed)
    w = 1e-2 * rng.standard_normal((6, objective.x.shape[1]))
    units = HiddenUnits(w, rng.choice([-1.0, 1.0], 6), np.zeros(objective.free.shape[1]))
    found = relengthened(objective, units)
    value = objective.value(found)
    assert value <= objective.value(units)
    if objective.loss.has_kinks:
        return
    errors = objective.errors(found)
    directions = w / np.linalg.norm(w, axis=1)[:, None]
    along = (objective.features(directions) * units.signs).T @ errors
    scale = np.abs(objective.features(directions)).T @ np.abs(errors) + objective.beta
    # no direction is correlated by more than it costs, and one that is used by no less
    assert (along - objective.beta <= 1e-6 * scale).all()
    used = found.lengths > 1e-9 * found.lengths.max(initial=1.0)
    assert np.abs(along - objective.beta)[used].max(initial=0.0) <= 1e-6 * scale.max()


def test_a_direction_of_the_wrong_sign_vanishes() -> None:
    x, y = np.array([[1.0], [2.0]]), np.array([1.0, 2.0])
    objective = Objective(x, HalfSquaredLoss(y), 0.5, 0.0, np.zeros((2, 0)))
    units = HiddenUnits(np.array([[1.0], [3.0]]), np.array([1.0, -1.0]), np.zeros(0))
    # by hand: (y.phi - beta) / |phi|^2 = 4.5 / 5 for the direction that fits, nothing for the other
    assert relengthened(objective, units).w.ravel() == pytest.approx([0.9, 0.0], abs=1e-12)
