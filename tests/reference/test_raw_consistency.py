"""Units change nothing, and no operation contradicts another, on raw data."""

from collections.abc import Iterator

import numpy as np
import pytest

from tests.support.raw_agreement import disagreements
from tests.support.raw_problems import RawProblem
from tests.support.raw_tables import TABLES, table_problem
from tests.support.raw_units import changed_by_units, changed_by_upload, small, undecayed
from tests.support.raw_uploads import server

UNDECAYED = list(enumerate(undecayed(40)))
SMALL = list(small(30))


@pytest.mark.parametrize(("seed", "problem"), UNDECAYED, ids=[problem.name for _, problem in UNDECAYED])
def test_other_units_change_nothing(seed: int, problem: RawProblem) -> None:
    assert not changed_by_units(problem, seed)


def test_other_units_are_other_numbers() -> None:
    problem = UNDECAYED[0][1]
    scaled = problem.data.scaled(np.full(problem.exact.inputs, 8.0)).exact()
    assert scaled.xx[0][0] == 64 * problem.exact.xx[0][0]
    assert scaled.xy[0][0] == 8 * problem.exact.xy[0][0]


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    with server() as address:
        yield address


@pytest.mark.parametrize("kind", TABLES)
def test_a_csv_file_of_the_same_numbers_has_the_same_answer(kind: str, base: str) -> None:
    for seed in (0, 4):
        assert not changed_by_upload(base, table_problem(kind, seed))


@pytest.mark.parametrize("problem", SMALL, ids=[problem.name for problem in SMALL])
def test_all_operations_agree(problem: RawProblem) -> None:
    assert not disagreements(problem)


@pytest.mark.parametrize("kind", TABLES)
def test_all_operations_agree_on_tables(kind: str) -> None:
    assert not disagreements(table_problem(kind, 2))
