"""Ranks and residuals of raw tables: units, offsets and duplicates, against exact rational arithmetic."""

from fractions import Fraction

import numpy as np
import pytest

from service.core.data_facts.facts import DataFacts, data_facts_of
from service.core.data_facts.rank import centred_columns, range_of, rank_of_table
from service.core.ground.data.moments import moments_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Network, Problem, Samples
from service.core.several_outputs.squared_error.quadratic import quadratic_of
from service.core.theorems.spurious_minima import NOT_AFFINE, NOT_CONSTANT
from service.vocabulary import Activation, Bias, Loss

KINDS = ("graded", "offset", "duplicate", "near", "dummies", "constant", "tiny", "huge", "wide", "zero")


def table_of(kind: str, seed: int) -> FloatArray:
    """Columns as people have them; entries are doubles, whatever they came from."""
    rng = np.random.default_rng(seed)
    x: FloatArray = rng.standard_normal((12, 4))
    if kind == "graded":
        x = x * np.array([1e8, 1.0, 1e-3, 1e4])
    elif kind == "offset":
        x = x + np.array([1e9, 0.0, 2e3, 1.0])
    elif kind == "duplicate":
        x[:, 3] = x[:, 0]
        x[:, 2] = 1024.0 * x[:, 1]
    elif kind == "near":
        x[:, 3] = x[:, 0] * (1.0 + 1e-9 * rng.standard_normal(12))
    elif kind == "dummies":
        labels = rng.permutation(np.arange(12) % 3)
        x = np.concatenate((np.eye(3)[labels], 1e6 * x[:, :1]), axis=1)
    elif kind == "constant":
        x[:, 1] = 0.1
    elif kind in ("tiny", "huge"):
        x = x * 10.0 ** (-200.0 if kind == "tiny" else 200.0)
    elif kind == "wide":
        x = rng.standard_normal((3, 5)) * np.geomspace(1e-6, 1e6, 5)
    elif kind == "zero":
        x[:, 2] = 0.0
    return x


def rational(table: FloatArray) -> list[list[Fraction]]:
    return [[Fraction(entry) for entry in row] for row in table.tolist()]


def eliminated(rows: list[list[Fraction]]) -> int:
    """Rank by Gaussian elimination without rounding."""
    rank = 0
    for column in range(len(rows[0])):
        pivot = next((index for index in range(rank, len(rows)) if rows[index][column]), None)
        if pivot is None:
            continue
        rows[rank], rows[pivot] = rows[pivot], rows[rank]
        for index in range(rank + 1, len(rows)):
            share = rows[index][column] / rows[rank][column]
            rows[index] = [a - share * b for a, b in zip(rows[index], rows[rank], strict=True)]
        rank += 1
    return rank


def exact_residual(x: FloatArray, y: FloatArray) -> Fraction:
    """Mean squared error of the best affine map in rationals, by Gram and Schmidt."""
    basis: list[list[Fraction]] = []
    columns = [[Fraction(1)] * len(x), *map(list, zip(*rational(x), strict=True))]
    for column in columns:
        rest = _without(column, basis)
        if any(rest):
            basis.append(rest)
    left = [_without(column, basis) for column in map(list, zip(*rational(y), strict=True))]
    return sum((entry * entry for column in left for entry in column), Fraction(0)) / len(x)


def _without(column: list[Fraction], basis: list[list[Fraction]]) -> list[Fraction]:
    for other in basis:
        size = sum((b * b for b in other), Fraction(0))
        share = sum((a * b for a, b in zip(column, other, strict=True)), Fraction(0)) / size
        column = [a - share * b for a, b in zip(column, other, strict=True)]
    return column


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_ranks_are_those_of_exact_arithmetic(kind: str, seed: int) -> None:
    x = table_of(kind, seed)
    assert rank_of_table(x) == eliminated(rational(x))
    with_one = eliminated([[Fraction(1), *row] for row in rational(x)])
    shares = np.full(len(x), 1.0 / len(x))
    assert rank_of_table(centred_columns(x, shares)) + 1 == with_one


@pytest.mark.parametrize("kind", KINDS)
def test_units_change_no_rank(kind: str) -> None:
    x = table_of(kind, 5)
    powers = np.random.default_rng(1).integers(-40, 41, x.shape[1])
    assert rank_of_table(np.ldexp(x, powers)) == rank_of_table(x)


def test_a_basis_of_the_range_is_orthonormal_and_spans() -> None:
    x = table_of("graded", 0)
    basis = range_of(x)
    assert basis.T @ basis == pytest.approx(np.eye(4), abs=1e-14)
    scaled = x / np.linalg.norm(x, axis=0)
    assert np.abs(scaled - basis @ (basis.T @ scaled)).max() < 1e-14
    assert range_of(np.zeros((3, 2))).shape == (3, 0)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("wide", "huge", "tiny")])
@pytest.mark.parametrize("fits", [False, True])
def test_residuals_of_affine_maps_are_right_to_their_own_size(kind: str, fits: bool) -> None:
    x = table_of(kind, 2)
    rng = np.random.default_rng(9)
    scaled = (x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 1e-3)
    y = scaled @ rng.standard_normal((x.shape[1], 2)) + 1e6
    if not fits:
        y = y + rng.standard_normal(y.shape)
    facts = DataFacts(moments_of(x, y), Samples(x, y), Loss.SQUARED)
    exact = float(exact_residual(x, y))
    # targets near 1e6 leave 1e-10 of themselves, and no more
    assert facts.affine_residual == pytest.approx(exact, rel=1e-6, abs=1e-24 * float(np.var(y)))


def test_equal_inputs_are_fitted_by_their_mean() -> None:
    x = np.array([[1.0], [1.0], [2.0], [4.0]]) * 1e8
    y = np.array([[0.0], [2.0], [3.0], [7.0]])
    facts = DataFacts(moments_of(x, y), Samples(x, y), Loss.SQUARED)
    # the means 1, 3, 7 lie on a line
    assert facts.affine_residual == pytest.approx(0.0, abs=1e-28)
    assert facts.conditional_variance == pytest.approx(np.var([1.0, 1.0, 3.0, 7.0]))


def test_ranks_of_targets_and_of_correlations_know_no_units() -> None:
    rng = np.random.default_rng(4)
    x = rng.standard_normal((30, 3))
    y = x @ rng.standard_normal((3, 2)) + 0.1 * rng.standard_normal((30, 2))
    y = np.concatenate((y, y[:, :1]), axis=1)
    plain = DataFacts(moments_of(x, y), Samples(x, y), Loss.SQUARED)
    units = DataFacts(
        moments_of(np.ldexp(x, [40, 0, -40]), np.ldexp(y, [-30, 0, 30])),
        Samples(np.ldexp(x, [40, 0, -40]), np.ldexp(y, [-30, 0, 30])),
        Loss.SQUARED,
    )
    assert (plain.rank_y, plain.rank_xy) == (2, 2)
    assert (units.rank_y, units.rank_xy) == (2, 2)
    assert plain.pull_at_zero
    assert units.pull_at_zero


@pytest.mark.parametrize("offset", [0.0, 1e3, 1e9])
def test_an_offset_of_the_targets_hides_no_variance_and_no_misfit(offset: float) -> None:
    rng = np.random.default_rng(6)
    x = rng.standard_normal((20, 2))
    y = x @ rng.standard_normal((2, 1)) + 1e-2 * rng.standard_normal((20, 1)) + offset
    network = Network((Layer(4, Activation.RELU), Layer(1)), bias=Bias.ALL)
    for targets, varies, misfits in ((y, True, True), (np.full_like(y, offset + 0.1), False, False)):
        problem = Problem(network, moments_of(x, targets), Samples(x, targets))
        assert NOT_CONSTANT.check(problem).holds is varies
        assert NOT_AFFINE.check(problem).holds is misfits


def facts_of(x: FloatArray, y: FloatArray) -> DataFacts:
    return DataFacts(moments_of(x, y), Samples(x, y), Loss.SQUARED)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(2))
def test_ranks_of_the_inputs_are_those_of_exact_arithmetic(kind: str, seed: int) -> None:
    x = table_of(kind, seed)
    if kind in ("tiny", "huge"):
        # mean squares of inputs stay within 1e-100 .. 1e100
        x = x / np.abs(x).max() * (1e-40 if kind == "tiny" else 1e40)
    y = np.random.default_rng(seed).standard_normal((len(x), 2))
    facts = facts_of(x, y)
    assert facts.rank_x == eliminated(rational(x))
    assert facts.rank_x_and_one == eliminated([[Fraction(1), *row] for row in rational(x)])


def test_landscape_and_minima_see_one_rank() -> None:
    for kind in KINDS:
        if kind in ("tiny", "huge", "zero"):
            continue
        x = table_of(kind, 1)
        y = x[:, :1] / np.abs(x[:, :1]).max() + 0.1
        problem = Problem(Network((Layer(3), Layer(1))), moments_of(x, y), Samples(x, y))
        assert data_facts_of(problem).rank_x == quadratic_of(problem).rank
