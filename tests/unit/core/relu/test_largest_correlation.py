"""No unit has a larger correlation with the errors than the bound says, and one has as much as the value says."""

import numpy as np
import pytest

from service.core.landscapes.relu_cones import cones_of
from service.core.relu import cones, edges, kernel
from service.core.relu.planar import MOST_UNITS, largest_on_plane
from service.core.relu.rows import Span, WeightedRows
from service.core.relu.search import ConeSearch
from tests.support.relu_enumeration import correlation, largest
from tests.support.relu_inputs import FAMILIES, SLOPES

TIGHT = 1e-7
"""Cones whose edges are 1e-6 long are not split any more."""


@pytest.fixture(params=["compiled", "numpy"], autouse=True)
def form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test of a search runs with the bounds of both forms."""
    if request.param == "numpy":
        monkeypatch.setattr(cones, "KERNEL", None)
        monkeypatch.setattr(edges, "KERNEL", None)
    elif kernel.KERNEL is None:
        # the same test runs with numpy, so that nothing is left untried but what is not there
        pytest.skip("the package was built without a C compiler")


def rows_of(x: np.ndarray, errors: np.ndarray, slope: float = 0.0) -> WeightedRows:
    return Span.of(x).with_errors(errors, slope)


@pytest.mark.parametrize("slope", SLOPES)
@pytest.mark.parametrize("dimension", [1, 2])
@pytest.mark.parametrize("family", FAMILIES)
def test_the_plane_is_exact(family: str, dimension: int, slope: float) -> None:
    rng = np.random.default_rng(dimension)
    for n in (1, 2, 5, 12):
        x, errors = FAMILIES[family](rng, n, dimension), rng.standard_normal(n)
        rows = rows_of(x, errors, slope)
        for one, signed in ((rows, errors), (rows.reversed, -errors)):
            found, truth = largest_on_plane(one, 0.0), largest(x, signed, slope)
            scale = float(np.abs(errors) @ np.linalg.norm(x, axis=1))
            assert found.complete
            assert truth <= found.bound * (1.0 + 1e-15)
            assert found.bound - truth <= 1e-12 * scale
            assert abs(found.value - truth) <= 1e-13 * scale
            reached = correlation(x, signed, slope, found.directions)
            assert np.abs(reached - found.values).max(initial=0.0) <= 1e-13 * scale
            assert np.abs(np.linalg.norm(found.directions, axis=1) - 1.0).max(initial=0.0) <= 1e-14


@pytest.mark.parametrize("slope", SLOPES)
@pytest.mark.parametrize("family", FAMILIES)
def test_branch_and_bound_is_exact(family: str, slope: float) -> None:
    for dimension, n in ((1, 6), (2, 9), (3, 8)):
        rng = np.random.default_rng(dimension)
        x, errors = FAMILIES[family](rng, n, dimension), rng.standard_normal(n)
        search = ConeSearch(rows_of(x, errors, slope), 0.0, rtol=1e-9)
        assert search.run()
        truth = largest(x, errors, slope)
        scale = float(np.abs(errors) @ np.linalg.norm(x, axis=1))
        assert truth <= search.bound * (1.0 + 1e-15)
        assert search.bound - truth <= TIGHT * scale
        assert -1e-8 * truth <= search.value - truth <= 1e-12 * scale


def test_the_cones_of_the_landscape_agree() -> None:
    rng = np.random.default_rng(5)
    for dimension, n in ((2, 20), (3, 10)):
        x, errors = rng.standard_normal((n, dimension)), rng.standard_normal(n)
        peer = cones_of(x)
        assert peer is not None
        search = ConeSearch(rows_of(x, errors), 0.0)
        search.run()
        assert search.bound == pytest.approx(peer.steepest(errors).value, rel=1e-8)


def test_every_peak_on_the_circle_is_found() -> None:
    rng = np.random.default_rng(3)
    angles = np.linspace(0.0, 2.0 * np.pi, 40_001)[:-1]
    circle = np.column_stack([np.cos(angles), np.sin(angles)])
    for _ in range(10):
        x, errors = rng.standard_normal((9, 2)), rng.standard_normal(9)
        values = correlation(x, errors, 0.0, circle)
        peaks = (values > np.roll(values, 1)) & (values > np.roll(values, -1)) & (values > 0.2)
        found = largest_on_plane(rows_of(x, errors), 0.2)
        assert len(found.values) == peaks.sum()
        assert np.sort(found.values) == pytest.approx(np.sort(values[peaks]), abs=1e-3)


def test_a_plane_of_many_samples_stays_tight() -> None:
    rng = np.random.default_rng(0)
    x, errors = np.column_stack([rng.standard_normal(20_000), np.ones(20_000)]), rng.standard_normal(20_000)
    rows = rows_of(x, errors)
    found = largest_on_plane(rows, 0.0)
    angles = rng.uniform(0.0, 2.0 * np.pi, 500)
    sampled = correlation(x, errors, 0.0, np.column_stack([np.cos(angles), np.sin(angles)]))
    assert sampled.max() <= found.bound
    assert found.bound <= found.value * (1.0 + 1e-8)
    assert correlation(x, errors, 0.0, found.directions[:1])[0] == pytest.approx(found.value, rel=1e-11)
    assert len(found.values) == MOST_UNITS


def test_a_tiny_row_aside_costs_no_more_than_it_weighs() -> None:
    x, errors = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1e-14]]), np.array([2.0, -0.3, 1.0])
    found = largest_on_plane(rows_of(x, errors), 0.0)
    assert largest(x, errors) <= found.bound <= 2.0 + 1e-12


def test_a_plane_is_asked_for() -> None:
    with pytest.raises(ValueError, match="rank 3"):
        largest_on_plane(rows_of(np.eye(3), np.ones(3)), 0.0)


def test_nothing_is_correlated_with_zero_inputs() -> None:
    found = largest_on_plane(rows_of(np.zeros((4, 2)), np.ones(4)), 0.0)
    assert (found.bound, found.value, len(found.values)) == (0.0, 0.0, 0)
    assert found.directions.shape == (0, 2)


@pytest.mark.parametrize(("dimension", "n"), [(4, 15), (5, 12)])
@pytest.mark.parametrize("slope", [0.0, -1.0])
def test_no_sample_exceeds_the_bound(dimension: int, n: int, slope: float) -> None:
    rng = np.random.default_rng(dimension)
    x, errors = rng.standard_normal((n, dimension)), rng.standard_normal(n)
    units = rng.standard_normal((50_000, dimension))
    units /= np.linalg.norm(units, axis=1)[:, None]
    sampled = float(correlation(x, errors, slope, units).max())
    search = ConeSearch(rows_of(x, errors, slope), 0.0, rtol=1e-5)
    assert search.run()
    assert search.bound >= max(sampled, search.value)
    assert search.bound <= search.value * (1.0 + 1.1e-5)
    # random units come near, so that the comparison has teeth
    assert sampled >= 0.9 * search.value


def test_a_search_may_be_left_at_any_time() -> None:
    rng = np.random.default_rng(1)
    x, errors = rng.standard_normal((14, 3)), rng.standard_normal(14)
    truth = largest(x, errors)
    for most in (1, 8, 20, 100, 1000):
        search = ConeSearch(rows_of(x, errors), 0.0)
        search.run(most=most)
        assert search.bound >= truth


def test_missing_units_are_missing() -> None:
    rng = np.random.default_rng(2)
    x, errors = rng.standard_normal((14, 3)), rng.standard_normal(14)
    truth = largest(x, errors)
    search = ConeSearch(rows_of(x, errors), 0.9 * truth)
    search.run()
    result = search.result()
    assert len(result.values)
    assert (result.values > 0.9 * truth).all()
    assert correlation(x, errors, 0.0, result.directions) == pytest.approx(result.values, rel=1e-12)
    above = ConeSearch(rows_of(x, errors), 1.01 * truth)
    above.run()
    assert not len(above.result().values)
    assert truth <= above.bound <= 1.01 * truth * (1.0 + 1e-12)
