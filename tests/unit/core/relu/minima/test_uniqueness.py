"""Uniqueness is claimed where it is proved: other trainings never end at another network of the same loss."""

import numpy as np
import pytest

from service.core.convex_losses.differences import HalfSquaredLoss, QuantileLoss
from service.core.ground.numbers.arrays import FloatArray
from service.core.relu.minima.narrow import narrowed_to
from service.core.relu.minima.uniqueness import DEPENDENT, NOT_STRICT, Uniqueness, uniqueness
from service.core.relu.minimum import CertifiedLoop, CertifiedNetwork
from service.core.relu.networks import HiddenUnits, Objective
from service.core.relu.training.newton import settled
from tests.support.relu_instances import instance


def solved(objective: Objective) -> tuple[CertifiedNetwork, Uniqueness]:
    found = CertifiedLoop(objective, 1e-8, most=60_000).run()
    return found, uniqueness(objective, found.dual.errors, found.value - found.dual.bound)


def along_rays(units: HiddenUnits) -> list[tuple[float, FloatArray]]:
    """Units with those along one ray put together, in an order of their own."""
    rays: list[tuple[float, FloatArray]] = []
    for w, sign in zip(units.w, units.signs, strict=True):
        for place, (other, known) in enumerate(rays):
            cosine = float(w @ known) / float(np.linalg.norm(w) * np.linalg.norm(known))
            if other == sign and cosine > 1.0 - 1e-9:
                rays[place] = (sign, known + w)
                break
        else:
            rays.append((float(sign), w))
    return sorted(rays, key=lambda ray: tuple(ray[1]))


@pytest.mark.parametrize("seed", [0, 1, 7, 8, 15, 21, 22, 35, 36, 49, 56, 64])
def test_other_starts_end_at_the_same_network(seed: int) -> None:
    objective = instance(seed, most=25).objective
    found, unique = solved(objective)
    assert unique.proved, unique.reason
    mine = along_rays(found.units)
    size = float(found.units.lengths.max(initial=0.0)) or 1.0
    rng = np.random.default_rng(seed)
    met = 0
    for other in range(1, 4):
        count = len(found.units) + int(rng.integers(1, 6))
        w = rng.standard_normal((count, objective.x.shape[1])) * size
        start = HiddenUnits(w, rng.choice([-1.0, 1.0], count), found.units.free)
        loop = CertifiedLoop(objective, 1e-8, most=60_000, seed=other, units=settled(objective, start, 1.0, bool))
        again = loop.run()
        if again.value > found.value * (1.0 + 1e-10) + 1e-12:
            continue
        met += 1
        theirs = [ray for ray in along_rays(again.units) if np.linalg.norm(ray[1]) > 1e-4 * size]
        assert [sign for sign, _ in theirs] == [sign for sign, _ in mine]
        for (_, a), (_, b) in zip(mine, theirs, strict=True):
            assert np.abs(a - b).max() <= 1e-3 * size
    assert met


def test_units_that_say_the_same_are_not_unique() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((12, 2)), rng.standard_normal(12)
    # absolute values: a unit and its negative have one feature
    objective = Objective(x, HalfSquaredLoss(y), 0.5, -1.0, np.zeros((12, 0)))
    found, unique = solved(objective)
    assert len(found.units)
    assert unique == Uniqueness(False, DEPENDENT)


def test_one_input_column_is_exact() -> None:
    x = np.array([[1.0], [2.0], [-1.0], [0.5]])
    objective = Objective(x, HalfSquaredLoss(np.array([1.0, 2.5, -1.0, 0.3])), 0.1, 0.0, np.zeros((4, 0)))
    found, unique = solved(objective)
    assert unique.proved
    assert len(found.units) == 2


def test_a_loss_that_is_not_strictly_convex_claims_nothing() -> None:
    x, y = np.array([[1.0], [2.0]]), np.array([1.0, 1.5])
    objective = Objective(x, QuantileLoss(y, 0.5, 2.0), 0.1, 0.0, np.zeros((2, 0)))
    assert uniqueness(objective, y, 0.0) == Uniqueness(False, NOT_STRICT)


def test_a_wide_gap_proves_nothing() -> None:
    objective = instance(1, most=25).objective
    found, _ = solved(objective)
    assert not uniqueness(objective, found.dual.errors, 0.5 * found.value).proved


@pytest.mark.parametrize("width", [0, 1, 2])
def test_a_narrow_network_is_no_better_than_the_bound_and_no_worse_than_none(width: int) -> None:
    objective = instance(14, most=25).objective
    found, _ = solved(objective)
    assert len(found.units) > 2
    narrow = narrowed_to(objective, found.units, width)
    assert len(narrow) <= width
    assert found.dual.bound <= objective.value(narrow) <= objective.value(objective.nothing) * (1.0 + 1e-12)
