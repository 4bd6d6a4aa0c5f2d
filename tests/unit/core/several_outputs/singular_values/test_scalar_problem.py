"""One decayed singular value by hand and on a grid; choices of several by brute force."""

from itertools import combinations

import numpy as np
import pytest

from service.core.several_outputs.singular_values.lanes import Lanes
from service.core.several_outputs.singular_values.scalar_bounds import scalar_bounds, scalar_minimisers
from service.core.several_outputs.singular_values.shrinkage import Shrinkage
from service.core.several_outputs.singular_values.subsets import (
    best_subsets,
    choices_by_size,
    count_choices,
    count_subsets,
)
from service.vocabulary import PointClass


def test_two_layers_soft_threshold() -> None:
    scalar = Shrinkage.of(np.array([0.5, 0.5]))
    (root,) = scalar.roots(2.0)
    assert root.product == pytest.approx(1.5)
    assert root.value == pytest.approx(0.25 + 2 * 0.5 * 1.5)
    assert scalar.roots(0.5) == ()


@pytest.mark.parametrize("layers", [3, 4, 6])
def test_roots_solve_the_stationary_equation(layers: int) -> None:
    scalar = Shrinkage.of(np.full(layers, 0.1))
    target = 1.3 * scalar.existence_threshold
    for root in scalar.roots(target):
        slope = 2.0 * (root.product - target)
        slope += scalar.penalty * 2.0 / layers * root.product ** (2.0 / layers - 1.0)
        assert abs(slope) <= 1e-12 * target
        assert root.value == pytest.approx(scalar.value(root.product, target), rel=1e-12)


@pytest.mark.parametrize("layers", [3, 4, 6])
def test_thresholds_are_sharp(layers: int) -> None:
    scalar = Shrinkage.of(np.full(layers, 0.2))
    assert scalar.roots(scalar.existence_threshold * (1 - 1e-9)) == ()
    assert len(scalar.roots(scalar.existence_threshold * (1 + 1e-9))) == 2
    edge = scalar.global_threshold
    below, above = scalar.stable_root(edge * (1 - 1e-9)), scalar.stable_root(edge * (1 + 1e-9))
    assert below is not None
    assert above is not None
    assert below.value > (edge * (1 - 1e-9)) ** 2
    assert above.value < (edge * (1 + 1e-9)) ** 2
    assert above.product == pytest.approx(scalar.jump, rel=1e-7)


def test_bounds_and_minimisers_agree_with_a_grid() -> None:
    grid = np.linspace(0.0, 4.0, 400_001)
    targets = np.array([0.0, 0.3, 0.8, 1.4, 3.0])
    for penalty, power in ((0.5, 2 / 3), (1.0, 0.5), (0.7, 1.0)):
        values = np.array([np.min((grid - y) ** 2 + penalty * grid**power) for y in targets])
        bounds = scalar_bounds(targets, penalty, power)
        assert np.all(bounds <= values + 1e-14)
        assert bounds == pytest.approx(values, abs=1e-9)
        at = scalar_minimisers(targets, penalty, power)
        assert (at - targets) ** 2 + penalty * at**power == pytest.approx(values, abs=1e-9)


def test_best_first_agrees_with_brute_force() -> None:
    gains = [5.0, 3.0, 2.5, 1.0, 0.2]
    every = [subset for size in range(4) for subset in combinations(range(5), size)]
    expected = sorted(-sum(gains[i] for i in subset) for subset in every)
    found = best_subsets(gains, 3, cap=100)
    assert [-sum(gains[i] for i in subset) for subset in found] == pytest.approx(expected)
    assert len(found) == count_subsets(5, 3) == len(set(found))


def test_choices_are_counted() -> None:
    options = [2, 0, 1, 2]
    for largest in range(5):
        picks = list(choices_by_size(options, largest))
        assert len(picks) == len(set(picks)) == count_choices(options, largest)


def test_ties_have_no_wrong_order() -> None:
    lanes = Lanes(Shrinkage.of(np.full(3, 0.1)), (2.0, 2.0, 1.5), 2, 0.0, 1.0, 30.0)
    roots = [lanes.shrinkage.roots(target) for target in lanes.targets]
    assert lanes.class_of([(0, roots[0][-1]), (1, roots[1][-1])]) is PointClass.GLOBAL_MINIMUM
    assert lanes.class_of([(1, roots[1][-1])]) is PointClass.LOCAL_MINIMUM
    assert lanes.class_of([(1, roots[1][-1]), (2, roots[2][-1])]) is PointClass.STRICT_SADDLE
    assert lanes.class_of([(0, roots[0][0])]) is PointClass.STRICT_SADDLE
