"""Squared errors through fixed maps, under weights and without an eliminated map, against rational arithmetic."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from service.core.ground.enclosures.backwards import Backwards
from service.core.ground.enclosures.composed import Composed
from service.core.ground.enclosures.eliminated import Eliminated
from service.core.ground.enclosures.rows import Rows
from service.core.ground.enclosures.sources import Source
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.twofold import Twofold, exactly

Matrix = list[list[Fraction]]
PRECISE = pytest.mark.parametrize("precise", [False, True], ids=["double", "twofold"])
SEEDS = range(16)


def rational(array: FloatArray) -> Matrix:
    return [[Fraction(number) for number in row] for row in np.atleast_2d(array).tolist()]


def times(left: Matrix, right: Matrix) -> Matrix:
    columns = list(zip(*right, strict=True))
    return [[sum((a * b for a, b in zip(row, column, strict=True)), Fraction(0)) for column in columns] for row in left]


def plus(left: Matrix, right: Matrix, factor: Fraction = Fraction(1)) -> Matrix:
    return [[a + factor * b for a, b in zip(one, two, strict=True)] for one, two in zip(left, right, strict=True)]


def turned(matrix: Matrix) -> Matrix:
    return [list(column) for column in zip(*matrix, strict=True)]


def dot(left: Matrix, right: Matrix) -> Fraction:
    return sum(
        (a * b for one, two in zip(left, right, strict=True) for a, b in zip(one, two, strict=True)), Fraction(0)
    )


def solved(matrix: Matrix, columns: Matrix) -> Matrix:
    """``matrix^-1 columns`` for a positive definite matrix."""
    rows, size = [[*one, *two] for one, two in zip(matrix, columns, strict=True)], len(matrix)
    for at in range(size):
        rows[at] = [entry / rows[at][at] for entry in rows[at]]
        for other in range(size):
            if other != at:
                rows[other] = [a - rows[other][at] * b for a, b in zip(rows[other], rows[at], strict=True)]
    return [row[size:] for row in rows]


def error_and_slope(x: Matrix, y: Matrix, count: int, whole: Matrix) -> tuple[Fraction, Matrix]:
    misfit = plus(y, times(x, turned(whole)), Fraction(-1))
    slope = [[entry / count for entry in row] for row in times(turned(misfit), x)]
    return dot(misfit, misfit) / count, slope


def table(seed: int, outputs: int = 2, inputs: int = 3) -> tuple[np.random.Generator, FloatArray, FloatArray]:
    """Samples in units of their own, some far from zero, some fitted nearly exactly."""
    rng = np.random.default_rng(seed)
    units = 10.0 ** rng.uniform(-4.0, 4.0, inputs)
    x = (rng.normal(size=(12, inputs)) + 10.0 ** rng.uniform(0.0, 5.0) * rng.integers(0, 2, inputs)) * units
    y = x @ (rng.normal(size=(inputs, outputs)) / units[:, None])
    return rng, x, y + 10.0 ** rng.uniform(-8.0, 0.0) * rng.normal(size=y.shape)


def assert_near(source: Source, whole: FloatArray, truth: tuple[Fraction, Matrix], precise: bool) -> None:
    value, slope = truth
    found = source.near(whole, np.zeros_like(whole), precise)
    assert abs(Fraction(found.value) - value) <= Fraction(found.value_error)
    for column in range(whole.shape[1]):
        off = sum((Fraction(found.slope[k, column]) - row[column]) ** 2 for k, row in enumerate(slope))
        assert off <= Fraction(found.slope_error[column]) ** 2


def assert_second(source: Source, second: Matrix, rng: np.random.Generator, precise: bool) -> None:
    directions = rng.normal(size=(len(second), 2)) / source.sizes[:, None]
    exact = times(times(turned(rational(directions)), second), rational(directions))
    gram, wrong = source.second(directions, np.ones(2), precise)
    assert all(abs(Fraction(gram[i, j]) - exact[i][j]) <= Fraction(wrong[i, j]) for i in range(2) for j in range(2))


@PRECISE
def test_through_a_first_layer_a_last_one_and_an_identity(precise: bool) -> None:
    for seed in SEEDS:
        rng, x, y = table(seed, 3)
        behind = Twofold(first := rng.normal(size=(2, 3)) / np.std(x, axis=0), first * 1e-17 * rng.normal(size=(2, 3)))
        beside, outer = rng.normal(size=(3, 3)), np.linalg.qr(rng.normal(size=(3, 2)))[0]
        source = Composed(Rows(x, y, 12.0), behind, (exactly(outer),), beside, 0.125)
        whole = rng.normal(size=(2, 2))
        first_layer = plus(rational(behind.high), rational(behind.low))
        at = plus(times(times(rational(outer), rational(whole)), first_layer), rational(beside))
        value, slope = error_and_slope(rational(x), rational(y), 12, at)
        inner = times(times(turned(rational(outer)), slope), turned(first_layer))
        assert_near(source, whole, (value - Fraction(0.125), inner), precise)
        moments = [[entry / 12 for entry in row] for row in times(turned(rational(x)), rational(x))]
        assert_second(source, times(times(first_layer, moments), turned(first_layer)), rng, precise)


@PRECISE
@pytest.mark.parametrize("about_means", [False, True])
def test_weights_of_samples_and_of_outputs(about_means: bool, precise: bool) -> None:
    for seed in SEEDS:
        rng, x, y = table(seed)
        roots, outputs = np.sqrt(rng.uniform(0.1, 3.0, 12)), rng.uniform(0.5, 2.0, 2)
        roots = roots / np.sqrt(np.mean(roots**2))
        square = [Fraction(root) ** 2 for root in roots.tolist()]
        both = [[*one, *two] for one, two in zip(rational(x), rational(y), strict=True)]
        both = [
            [*row[:3], *(entry * Fraction(own) for entry, own in zip(row[3:], outputs, strict=True))] for row in both
        ]
        shift = None
        if about_means:
            share = roots**2 / np.sum(roots**2)
            shift = np.concatenate((share @ x, share @ y * outputs))
            total = sum(square, Fraction(0))
            mean = [
                sum((w * row[j] for w, row in zip(square, both, strict=True)), Fraction(0)) / total for j in range(5)
            ]
            both = [[entry - off for entry, off in zip(row, mean, strict=True)] for row in both]
        both = [[entry * Fraction(root) for entry in row] for row, root in zip(both, roots.tolist(), strict=True)]
        source = Rows(x, y, 12.0, shift=shift, roots=roots, outputs=outputs)
        inner, targets = [row[:3] for row in both], [row[3:] for row in both]
        whole = np.linalg.lstsq(np.array(inner, dtype=float), np.array(targets, dtype=float), rcond=None)[0].T
        assert_near(source, whole, error_and_slope(inner, targets, 12, rational(whole)), precise)
        moments = [[entry / 12 for entry in row] for row in times(turned(inner), inner)]
        assert_second(source, moments, rng, precise)


@PRECISE
def test_with_a_decayed_map_eliminated(precise: bool) -> None:
    for seed in SEEDS:
        rng, x, y = table(seed)
        x = x - x.mean(axis=0)
        moments = [[entry / 12 for entry in row] for row in times(turned(rational(x)), rational(x))]
        decay = float(10.0 ** rng.uniform(-6.0, 1.0)) * float(np.max(np.mean(x * x, axis=0)))
        values, vectors = np.linalg.eigh(x.T @ x / 12.0)
        source = Eliminated(Rows(x, y, 12.0), decay, vectors, np.maximum(values, 0.0))
        whole = rng.normal(size=(2, 3)) / np.std(x, axis=0)
        _, slope = error_and_slope(rational(x), rational(y), 12, rational(whole))
        charge = [[Fraction(decay) * (i == j) for j in range(3)] for i in range(3)]
        beside = turned(solved(plus(moments, charge), turned(slope)))
        value, slope = error_and_slope(rational(x), rational(y), 12, plus(rational(whole), beside))
        assert_near(source, whole, (value + Fraction(decay) * dot(beside, beside), slope), precise)
        left = turned(solved(plus(moments, charge), [[Fraction(decay) * entry for entry in row] for row in moments]))
        assert_second(source, left, rng, precise)


@PRECISE
def test_read_backwards_on_white_inputs(precise: bool) -> None:
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        x, y, last = 2.0 * np.eye(3), rng.normal(size=(3, 4)), rng.normal(size=(4, 2))
        square = 4.0 / 3.0
        source = Backwards(Rows(x, y, 3.0), last, square * (1.0 - 1e-15), 1.1 * square)
        whole = rng.normal(size=(3, 2))
        value, slope = error_and_slope(rational(x), rational(y), 3, times(rational(last), turned(rational(whole))))
        assert_near(source, whole, (value, turned(times(turned(rational(last)), slope))), precise)
        gram, wrong = source.second(np.eye(2), np.ones(2), precise)
        exact = square * last.T @ last
        assert np.all(np.linalg.eigvalsh(exact - gram + np.diag(wrong.sum(axis=1))) >= 0.0)


def test_a_constant_is_told_apart() -> None:
    rng, x, y = table(0)
    base = Rows(x, y, 12.0)
    whole, none = rng.normal(size=(2, 3)), np.zeros((2, 3))
    one, other = Composed(base, constant=0.5), replace(Composed(base), constant=0.25)
    assert one.near(whole, none, True).value == other.near(whole, none, True).value - 0.25
