"""NIST's certified regressions, from samples and from uploads."""

from collections.abc import Iterator

import pytest

from tests.support.nist import REQUIRED_DIGITS, regression
from tests.support.raw_regressions import DEPTHS, RETURN, SAMPLES_ONLY, Row
from tests.support.raw_runs import judged, run
from tests.support.raw_seen import nist_problem
from tests.support.raw_uploads import answered_from_csv, kept, server

NAMES = pytest.mark.parametrize("name", REQUIRED_DIGITS)


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    with server() as address:
        yield address


@NAMES
@pytest.mark.parametrize("depth", DEPTHS)
def test_certified_digits_from_samples(name: str, depth: int) -> None:
    problem = nist_problem(regression(name), depth)
    found = run(problem)
    assert found.answer is not None, found.failures
    assert not Row(regression(name), problem, "samples", found.answer, found.failures).wrong


@NAMES
def test_the_exact_residual_is_the_certified_one(name: str) -> None:
    found = nist_problem(regression(name), 0).truth
    assert found is not None
    certified = regression(name).residual_sum_of_squares
    # powers of Filip and Wampler are rounded to double precision here, and not there
    assert float(found) == pytest.approx(certified, rel=1e-6 if name in SAMPLES_ONLY else 1e-12, abs=1e-9)


@NAMES
def test_certified_digits_from_csv(name: str, base: str) -> None:
    problem = nist_problem(regression(name), 1)
    uploaded = answered_from_csv(base, problem, **RETURN)
    found = Row(regression(name), problem, "csv", uploaded, judged(kept(problem, uploaded), uploaded))
    assert not found.wrong
    assert found.answer["status"] in {"exact", "certified"} or name in SAMPLES_ONLY
