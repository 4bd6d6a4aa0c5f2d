"""Facts about data: separability against a linear program, margins by their conditions of optimality."""

import numpy as np
import pytest
from scipy.optimize import linprog

from service.core.data_facts.geometry import gram_of, rank_of, whiteness_of
from service.core.data_facts.labels import Labelled, labelled_of
from service.core.data_facts.least_norm import least_norm
from service.core.data_facts.max_margin import separability_of
from service.core.ground.data.moments import moments_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Network, Problem, Samples


def separable_by_program(rows: FloatArray) -> bool:
    """Largest t with rows w >= t on the unit cube."""
    d = rows.shape[1]
    cost = np.append(np.zeros(d), -1.0)
    bounds = [(-1.0, 1.0)] * d + [(None, None)]
    scaled = rows / np.linalg.norm(rows, axis=1).max()
    found = linprog(cost, np.column_stack([-scaled, np.ones(len(rows))]), np.zeros(len(rows)), bounds=bounds)
    assert found.fun is not None
    return bool(found.fun < -1e-9)


def random_rows(seed: int) -> FloatArray:
    rng = np.random.default_rng(seed)
    n, d = int(rng.integers(2, 60)), int(rng.integers(1, 12))
    x: FloatArray = rng.normal(size=(n, d)) * 10.0 ** rng.uniform(-3.0, 3.0)
    if rng.random() < 0.5:
        x = x * np.sign(x @ rng.normal(size=d))[:, np.newaxis]
    return x


@pytest.mark.parametrize("seed", range(60))
def test_separability_agrees_with_a_linear_program(seed: int) -> None:
    rows = random_rows(seed)
    found = least_norm(rows)
    assert found.feasible is separable_by_program(rows)


@pytest.mark.parametrize("seed", range(60))
def test_direction_satisfies_every_condition_of_optimality(seed: int) -> None:
    rows = random_rows(seed)
    found = least_norm(rows)
    if found.direction is None or found.margin is None or found.support is None or found.multipliers is None:
        assert found.feasible is False
        return
    values = rows @ found.direction
    assert np.linalg.norm(found.direction) == pytest.approx(1.0, abs=1e-14)
    assert values.min() == pytest.approx(found.margin, rel=1e-9)
    assert found.margin > 0.0
    assert set(np.flatnonzero(values <= found.margin * (1.0 + 1e-9))) <= set(found.support)
    # the direction is a non-negative combination of the support: no other one has a larger margin
    assert found.multipliers.min() >= 0.0
    others = np.random.default_rng(seed).normal(size=(200, rows.shape[1]))
    others = found.direction + 0.1 * others
    others /= np.linalg.norm(others, axis=1)[:, np.newaxis]
    assert (rows @ others.T).min(axis=0).max() <= found.margin * (1.0 + 1e-12)


def test_margin_known_by_hand() -> None:
    found = least_norm(np.array([[1.0, 0.0], [0.0, 1.0]]))
    assert found.direction == pytest.approx(np.array([1.0, 1.0]) / np.sqrt(2.0), abs=1e-14)
    assert found.margin == pytest.approx(1.0 / np.sqrt(2.0), rel=1e-14)


def test_rows_of_zeros_are_not_separable() -> None:
    assert least_norm(np.zeros((3, 2))).feasible is False
    assert least_norm(np.array([[1.0, 0.0], [0.0, 0.0]])).feasible is False


@pytest.mark.parametrize("seed", range(10))
def test_several_classes_agree_with_a_linear_program(seed: int) -> None:
    rng = np.random.default_rng(seed)
    k, d, n = 3, 4, 24
    classes = np.arange(n) % k
    x = rng.normal(size=(n, d)) + rng.choice([0.5, 3.0]) * np.eye(d)[classes]
    rows = []
    for sample, own in zip(x, classes, strict=True):
        for other in range(k):
            if other != own:
                row = np.zeros((k, d))
                row[own], row[other] = sample, -sample
                rows.append(row.ravel())
    assert separability_of(Labelled(x, classes, k)).separable is separable_by_program(np.array(rows))


def test_labels_are_read_from_targets() -> None:
    def of(y: FloatArray) -> Labelled | None:
        x = np.ones((len(y), 1))
        return labelled_of(Problem(Network((Layer(y.shape[1]),)), moments_of(x, y), Samples(x, y)))

    signs, zeros_ones = of(np.array([[1.0], [-1.0]])), of(np.array([[0.0], [1.0]]))
    one_hot = of(np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]))
    assert signs is not None
    assert signs.classes.tolist() == [1, 0]
    assert zeros_ones is not None
    assert zeros_ones.signs.tolist() == [-1.0, 1.0]
    assert one_hot is not None
    assert one_hot.classes.tolist() == [1, 0, 2]
    assert of(np.array([[1.0], [1.0]])) is None
    assert of(np.array([[0.5], [1.0]])) is None
    assert of(np.array([[1.0, 1.0], [1.0, 0.0]])) is None


def test_geometry() -> None:
    x = 2.0 * np.eye(3)
    gram = gram_of(x)
    assert gram is not None
    assert gram.scale == pytest.approx(4.0)
    assert gram.deviation == 0.0
    assert gram.orthogonality_ratio(0.5) == 0.0
    scale, deviation = whiteness_of(moments_of(x, np.ones((3, 1))))
    assert scale == pytest.approx(4.0 / 3.0)
    assert deviation < 1e-15
    assert rank_of(np.outer([1.0, 2.0], [3.0, 4.0])) == 1
    assert rank_of(np.zeros((2, 2))) == 0
