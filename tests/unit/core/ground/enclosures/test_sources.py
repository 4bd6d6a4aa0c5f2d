"""Error bounds of values, slopes and curvatures against rational arithmetic, on data in any units."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest

from service.core.ground.enclosures.combined import Combined, Part
from service.core.ground.enclosures.rows import Rows
from service.core.ground.enclosures.second_moments import SecondMoments
from service.core.ground.enclosures.sources import Source
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.factor import factor_of_samples
from service.core.ground.numbers.twofold import exactly, matrix_times, product, product_error

Matrix = list[list[Fraction]]


def rational(array: FloatArray) -> Matrix:
    return [[Fraction(number) for number in row] for row in np.atleast_2d(array).tolist()]


def times(left: Matrix, right: Matrix) -> Matrix:
    columns = list(zip(*right, strict=True))
    return [[sum((a * b for a, b in zip(row, column, strict=True)), Fraction(0)) for column in columns] for row in left]


@dataclass
class Case:
    """A source, the map near which it is asked, and its exact joint second moments of inputs and targets."""

    source: Source
    whole: FloatArray
    low: FloatArray
    joint: Matrix

    @property
    def exact_map(self) -> Matrix:
        return [
            [Fraction(high) + Fraction(low) for high, low in zip(*rows, strict=True)]
            for rows in zip(self.whole.tolist(), self.low.tolist(), strict=True)
        ]

    def exact_value_and_slope(self) -> tuple[Fraction, Matrix]:
        outputs, inputs = self.whole.shape
        # rows of (-W, 1) against the joint moments are the moments of the misfit with everything
        signed = [[-entry for entry in row] for row in self.exact_map]
        left = [signed[at] + [Fraction(at == other) for other in range(outputs)] for at in range(outputs)]
        with_all = times(left, self.joint)
        value = sum(
            (a * b for row, moments in zip(left, with_all, strict=True) for a, b in zip(row, moments, strict=True)),
            Fraction(0),
        )
        return value, [row[:inputs] for row in with_all]


def joint_of(table: Matrix, count: int) -> Matrix:
    turned = [list(column) for column in zip(*table, strict=True)]
    return [[entry / count for entry in row] for row in times(turned, table)]


def centred(table: Matrix) -> Matrix:
    means = [sum(column, Fraction(0)) / len(table) for column in zip(*table, strict=True)]
    return [[entry - mean for entry, mean in zip(row, means, strict=True)] for row in table]


def less_means(joint: Matrix, means: list[Fraction]) -> Matrix:
    return [[entry - means[i] * means[j] for j, entry in enumerate(row)] for i, row in enumerate(joint)]


def case(kind: str, seed: int) -> Case:
    rng = np.random.default_rng(seed)
    count, inputs, outputs = int(rng.integers(1, 30)), int(rng.integers(1, 5)), int(rng.integers(1, 3))
    count = 300 if seed % 7 == 0 else count
    units = 10.0 ** rng.uniform(-6.0, 6.0, inputs)
    x = (rng.normal(size=(count, inputs)) + rng.integers(0, 2, inputs) * 10.0 ** rng.uniform(0.0, 6.0)) * units
    y = rng.normal(size=(count, outputs)) + 100.0 * rng.integers(0, 2)
    if seed % 3 == 0:
        y = x @ np.linalg.pinv(x) @ y
    source: Source
    whole = np.linalg.lstsq(x, y, rcond=None)[0].T if seed % 2 else rng.normal(size=(outputs, inputs)) / units
    low = whole * 1e-17 * rng.normal(size=whole.shape)
    table = rational(np.concatenate((x, y), axis=1))
    mean = np.concatenate((x, y), axis=1).mean(axis=0)
    if kind == "samples":
        return Case(Rows(x, y, float(count)), whole, low, joint_of(table, count))
    if kind == "samples about their mean":
        return Case(Rows(x, y, float(count), shift=mean), whole, low, joint_of(centred(table), count))
    if kind == "a factor with means":
        factor = factor_of_samples(x, y)
        rows = factor.r * factor.scale
        source = Rows(rows[:, :inputs], rows[:, inputs:], float(count), factor.x_mean, factor.y_mean)
        means = [Fraction(entry) for entry in (*factor.x_mean.tolist(), *factor.y_mean.tolist())]
        joint = joint_of(rational(rows), count)
        joint = [[entry + means[i] * means[j] for j, entry in enumerate(row)] for i, row in enumerate(joint)]
        return Case(source, whole, low, joint)
    xx, xy = x.T @ x / count, x.T @ y / count
    xx = 0.5 * (xx + xx.T)
    # of the targets only the trace of their second moments matters: it is put on the first
    yy = float(np.sum(y * y) / count)
    corner = [[Fraction(yy) if i == j == 0 else Fraction(0) for j in range(outputs)] for i in range(outputs)]
    above = [a + b for a, b in zip(rational(xx), rational(xy), strict=True)]
    below = [a + b for a, b in zip(rational(xy.T), corner, strict=True)]
    joint = above + below
    if kind == "moments":
        return Case(SecondMoments(xx, xy, yy), whole, low, joint)
    means = [Fraction(entry) for entry in mean.tolist()]
    source = SecondMoments(xx, xy, yy, mean[:inputs], mean[inputs:])
    return Case(source, whole, low, less_means(joint, means))


KINDS = ("samples", "samples about their mean", "a factor with means", "moments", "moments about their mean")


@pytest.mark.parametrize("precise", [False, True], ids=["double", "twofold"])
@pytest.mark.parametrize("kind", KINDS)
def test_values_and_slopes_are_off_by_no_more_than_they_say(kind: str, precise: bool) -> None:
    for seed in range(24):
        asked = case(kind, seed)
        value, slope = asked.exact_value_and_slope()
        found = asked.source.near(asked.whole, asked.low, precise)
        assert abs(Fraction(found.value) - value) <= Fraction(found.value_error)
        for column in range(asked.whole.shape[1]):
            off = sum((Fraction(found.slope[k, column]) - row[column]) ** 2 for k, row in enumerate(slope))
            assert off <= Fraction(found.slope_error[column]) ** 2


@pytest.mark.parametrize("precise", [False, True], ids=["double", "twofold"])
@pytest.mark.parametrize("kind", KINDS)
def test_second_moments_are_off_by_no_more_than_they_say(kind: str, precise: bool) -> None:
    for seed in range(10):
        asked = case(kind, seed)
        inputs = asked.whole.shape[1]
        rng = np.random.default_rng(seed)
        sizes = np.maximum(asked.source.sizes, 1e-30)
        directions = rng.normal(size=(inputs, 2)) / sizes[:, None]
        units: FloatArray = np.ldexp(1.0, rng.integers(-3, 4, 2))
        found, error = asked.source.second(directions, units, precise)
        second = [row[:inputs] for row in asked.joint[:inputs]]
        exact = times(rational(directions.T), times(second, rational(directions)))
        for i in range(2):
            for j in range(2):
                true = exact[i][j] / Fraction(units[i]) / Fraction(units[j])
                assert abs(Fraction(found[i, j]) - true) <= Fraction(error[i, j])


@pytest.mark.parametrize("kind", KINDS)
def test_slopes_along_directions_are_off_by_no_more_than_they_say(kind: str) -> None:
    for seed in range(16):
        asked = case(kind, seed)
        _, slope = asked.exact_value_and_slope()
        inputs = asked.whole.shape[1]
        rng = np.random.default_rng(seed)
        sizes = np.maximum(asked.source.sizes, 1e-30)
        drawn = rng.normal(size=(inputs, 2)) / sizes[:, None]
        # and the direction that holds least
        weak = np.linalg.eigh(asked.source.second(np.diag(1.0 / sizes), np.ones(inputs), True)[0])[1][:, :1]
        directions = np.concatenate((drawn, weak / sizes[:, None]), axis=1)
        both = Combined((Part(asked.source, 1.0), Part(asked.source, 0.3)))
        exact = times(slope, rational(directions))
        for source, factor in ((asked.source, Fraction(1)), (both, 1 + Fraction(0.3))):
            found, error = source.slope_along(asked.whole, directions)
            for column in range(3):
                off = sum((Fraction(found[k, column]) - factor * row[column]) ** 2 for k, row in enumerate(exact))
                assert off <= Fraction(error[column]) ** 2


@pytest.mark.parametrize("kind", KINDS)
def test_twice_the_precision_narrows_what_cancels(kind: str) -> None:
    """Near a perfect fit the error of the value falls by orders of magnitude, else the second look would be idle."""
    narrowed = []
    for seed in range(3, 60, 6):
        asked = case(kind, seed)
        plain, fine = (asked.source.near(asked.whole, asked.low, precise) for precise in (False, True))
        narrowed.append(fine.value_error <= 1e-4 * plain.value_error)
    assert sum(narrowed) >= len(narrowed) // 2


def test_a_sum_of_sources_adds_values_and_errors() -> None:
    for seed in range(12):
        first = case("samples", seed)
        noise = Rows(np.diag(np.arange(1.0, first.whole.shape[1] + 1.0)), np.zeros((first.whole.shape[1], 1)), 1.0)
        noise = Rows(noise.x, np.zeros((first.whole.shape[1], first.whole.shape[0])), 1.0)
        found = Combined([Part(first.source, 1.0), Part(noise, 0.3)]).near(first.whole, first.low, precise=True)
        value, _ = first.exact_value_and_slope()
        for row in first.exact_map:
            value += Fraction(0.3) * sum((Fraction(j + 1) * entry) ** 2 for j, entry in enumerate(row))
        assert abs(Fraction(found.value) - value) <= Fraction(found.value_error)


@pytest.mark.parametrize("multiply", [product, lambda a, b: matrix_times(a, exactly(b))], ids=["product", "of a sum"])
def test_products_in_twice_the_precision(multiply: Callable[..., object]) -> None:
    rng = np.random.default_rng(1)
    for _ in range(40):
        m, n, p = rng.integers(1, 9, 3)
        left = rng.normal(size=(m, n)) * 10.0 ** rng.uniform(-3.0, 3.0, (m, n))
        right = rng.normal(size=(n, p)) * 10.0 ** rng.uniform(-3.0, 3.0, (n, p))
        found, exact = multiply(left, right), times(rational(left), rational(right))
        bound = product_error(int(n)) * np.outer(np.abs(left).max(axis=1), np.abs(right).max(axis=0))
        for i in range(m):
            for j in range(p):
                got = Fraction(found.high[i, j]) + Fraction(found.low[i, j])  # type: ignore[attr-defined]  # a twofold
                assert abs(got - exact[i][j]) <= Fraction(bound[i, j]) + abs(exact[i][j]) / 2**100
