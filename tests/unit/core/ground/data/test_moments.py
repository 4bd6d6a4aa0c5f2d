"""Moments: chunks against one pass, digits under a large mean, and everything that no data have."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from service.core.ground.data.moments import MomentAccumulator, centred, check, moments_of
from service.core.ground.problems import Moments
from service.errors import InputError

GOOD = Moments(
    xx=np.array([[1.25, 0.5], [0.5, 1.0]]),
    xy=np.array([[0.9], [0.4]]),
    yy=1.0,
    x_mean=np.array([0.5, 0.25]),
    y_mean=np.array([0.2]),
)
SINGULAR = Moments(xx=np.array([[1.0, 1.0], [1.0, 1.0]]), xy=np.array([[0.5], [0.5]]), yy=1.0)


@pytest.mark.parametrize("sizes", [(100,), (1, 99), (33, 33, 34), (50, 0, 50)])
def test_chunks_give_the_moments_of_the_whole(sizes: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(100, 4)) + 3.0, rng.normal(size=(100, 2)) - 1.0
    ends = np.cumsum((0, *sizes))
    accumulator = MomentAccumulator()
    for a, b in pairwise(ends):
        accumulator.add(x[a:b], y[a:b])
    found = accumulator.moments()
    assert found.n == 100
    np.testing.assert_allclose(found.xx, x.T @ x / 100, rtol=1e-13)
    np.testing.assert_allclose(found.xy, x.T @ y / 100, rtol=1e-12, atol=1e-13)
    assert found.yy == pytest.approx(float(np.sum(y * y)) / 100, rel=1e-13)
    assert found.x_mean is not None
    assert found.y_mean is not None
    np.testing.assert_allclose(found.x_mean, x.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(found.y_mean, y.mean(axis=0), rtol=1e-12)


def test_more_rows_than_a_chunk() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(70_001, 2)), rng.normal(size=(70_001, 1))
    np.testing.assert_allclose(moments_of(x, y).xx, x.T @ x / len(x), rtol=1e-12, atol=1e-15)


def test_a_large_mean_does_not_swallow_a_small_variance() -> None:
    rng = np.random.default_rng(2)
    small = rng.normal(size=(3000, 2)) * 1e-3
    x = small + 1e5
    y = x[:, :1] * 2.0
    accumulator = MomentAccumulator()
    for start in range(0, 3000, 700):
        accumulator.add(x[start : start + 700], y[start : start + 700])
    assert accumulator._xx is not None
    # what is known about the variance is what the samples hold: 1e5 * eps against 1e-3
    np.testing.assert_allclose(np.diagonal(accumulator._xx) / 3000, x.var(axis=0), rtol=2e-8)
    naive = np.mean(x[:, 0] ** 2) - np.mean(x[:, 0]) ** 2
    assert abs(naive / x[:, 0].var() - 1.0) > 1e-3


def test_centring_takes_both_means_off() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(50, 3)) + 1.0, rng.normal(size=(50, 1)) + 2.0
    found = centred(moments_of(x, y))
    x0, y0 = x - x.mean(axis=0), y - y.mean(axis=0)
    np.testing.assert_allclose(found.xx, x0.T @ x0 / 50, atol=1e-14)
    np.testing.assert_allclose(found.xy, x0.T @ y0 / 50, atol=1e-14)
    assert found.yy == pytest.approx(float(np.sum(y0 * y0)) / 50)
    assert found.centred


def test_moments_of_real_samples_pass_however_singular() -> None:
    rng = np.random.default_rng(4)
    for size in (1, 2, 5, 40):
        x = rng.normal(size=(size, 6)) * 10.0 ** rng.uniform(-5, 3, 6) + rng.normal(size=6)
        x[:, 5] = x[:, 0]
        check(moments_of(x, rng.normal(size=(size, 2))))


@pytest.mark.parametrize(
    ("field", "moments"),
    [
        ("xx", replace(GOOD, xx=np.array([[1.25, 0.5], [0.4, 1.0]]))),
        ("xx", replace(GOOD, xx=np.array([[1.0, 2.0], [2.0, 1.0]]), x_mean=None)),
        ("xx", replace(GOOD, xx=np.array([[-1.0, 0.0], [0.0, -1.0]]), x_mean=None)),
        ("xx", replace(GOOD, xx=np.ones((2, 3)))),
        ("xx", replace(GOOD, xx=np.zeros((0, 0)), xy=np.zeros((0, 1)))),
        ("xx", replace(GOOD, xx=GOOD.xx * 1e101, x_mean=None)),
        ("xx", replace(GOOD, xx=GOOD.xx * 1e-101, xy=GOOD.xy * 1e-60, x_mean=None)),
        ("xx", replace(GOOD, xx=np.full((2, 2), np.nan))),
        ("xy", replace(GOOD, xy=GOOD.xy * np.inf)),
        ("xy", replace(GOOD, xy=np.ones((3, 1)))),
        ("xy", replace(GOOD, xy=np.ones((2, 0)))),
        ("xy", replace(SINGULAR, xy=np.array([[0.5], [-0.5]]))),
        ("xy", replace(SINGULAR, xy=np.array([[0.5], [0.5001]]))),
        ("yy", replace(GOOD, yy=-1.0)),
        ("yy", replace(GOOD, yy=0.5, y_mean=None)),
        ("yy", replace(GOOD, yy=1e101)),
        ("x_mean", replace(GOOD, x_mean=np.array([2.0, 0.0]))),
        ("x_mean", replace(GOOD, x_mean=np.zeros(3))),
        ("x_mean", replace(SINGULAR, x_mean=np.array([0.5, -0.5]))),
        ("y_mean", replace(GOOD, y_mean=np.array([1.1]))),
        ("y_mean", replace(GOOD, y_mean=np.zeros(2))),
    ],
)
def test_impossible_moments_are_refused_by_field(field: str, moments: Moments) -> None:
    with pytest.raises(InputError) as refusal:
        check(moments)
    assert {problem.location for problem in refusal.value.fields} == {("data", field)}


def test_what_is_just_possible_passes() -> None:
    check(GOOD)
    check(SINGULAR)
    check(Moments(np.zeros((2, 2)), np.zeros((2, 1)), 0.0))
    explained = float(GOOD.xy[:, 0] @ np.linalg.solve(GOOD.xx, GOOD.xy[:, 0]))
    check(replace(GOOD, yy=explained, x_mean=None, y_mean=None))


def test_samples_too_large_to_be_squared_are_refused_not_computed() -> None:
    huge = np.full((3, 2), 1e200) * np.array([1.0, -1.0])
    with pytest.raises(InputError, match="rescale"):
        check(moments_of(huge, huge[:, :1]))


def test_no_samples() -> None:
    with pytest.raises(InputError, match="no sample"):
        MomentAccumulator().moments()
    with pytest.raises(InputError, match="missing"):
        centred(SINGULAR)
