"""Ten kinds of tables as people have them, and columns at the ends of what float64 holds."""

from collections.abc import Callable

import numpy as np
import pytest

from tests.support.raw_data import Rows
from tests.support.raw_problems import RawProblem, chain
from tests.support.raw_runs import run
from tests.support.raw_tables import SEEDS, TABLES, table_problem

X = np.random.default_rng(0).normal(size=(12, 3))
Y = np.random.default_rng(1).normal(size=(12, 1)) + X[:, :1]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", TABLES)
def test_bounds_hold_on_tables(kind: str, seed: int) -> None:
    assert not run(table_problem(kind, seed)).failures


def with_column(change: Callable[[Rows], None]) -> Rows:
    rows = Rows(X.copy(), Y.copy())
    change(rows)
    return rows


def _constant(rows: Rows) -> None:
    rows.x[:, 1] = 0.1


def _zero(rows: Rows) -> None:
    rows.x[:, 1] = 0.0


def _beyond_single(rows: Rows) -> None:
    rows.x[:, 1] *= 1e39


def _huge(rows: Rows) -> None:
    rows.x[:, 1] *= 1e301


def _tiny(rows: Rows) -> None:
    rows.x[:, 1] *= 1e-301


def _twice(rows: Rows) -> None:
    rows.x[5], rows.y[5] = rows.x[4], rows.y[4] + 1.0


def _repeated(rows: Rows) -> None:
    rows.x[:] = rows.x[0]


def _level(rows: Rows) -> None:
    rows.y[:] = 0.1


COLUMNS: dict[str, Rows] = {
    "constant": with_column(_constant),
    "zero": with_column(_zero),
    "beyond single precision": with_column(_beyond_single),
    "huge": with_column(_huge),
    "tiny": with_column(_tiny),
    "two equal rows": with_column(_twice),
    "all rows equal": with_column(_repeated),
    "constant target": with_column(_level),
    "one sample": Rows(X[:1], Y[:1]),
    "fewer samples than inputs": Rows(X[:2], Y[:2]),
}


@pytest.mark.parametrize("depth", [0, 1, 2])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("decay", [0.0, 1e-3])
@pytest.mark.parametrize("name", COLUMNS)
def test_bounds_hold_at_the_ends(name: str, decay: float, bias: bool, depth: int) -> None:
    assert not run(RawProblem(name, "ends", COLUMNS[name], bias=bias, **chain(depth, 2, decay))).failures
