"""Problems on which this service was once wrong, each with its own fault."""

from collections.abc import Callable
from typing import Final

import numpy as np

from tests.support.exact_numbers import Floats
from tests.support.nist import Regression, regression
from tests.support.raw_data import Rows, Summary
from tests.support.raw_problems import RawProblem, chain


def _opposite() -> RawProblem:
    """The weak column carries four fifths of the fit, sixteen decades below in the squares."""
    x = np.array([[1e8, 1.0], [1e8, -1.0], [-1e8, 1.0], [-1e8, -1.0]])
    return RawProblem("two columns eight decades apart", "seen", Rows(x, x @ np.array([[1e-8], [2.0]])))


def _diagonal() -> RawProblem:
    """Uncorrelated inputs, each with a quarter of the fit."""
    moments = Summary(np.diag([1.0, 1e-16]), np.array([[0.5], [0.5e-8]]), 1.0)
    return RawProblem("uncorrelated inputs sixteen decades apart", "seen", moments)


def _economy() -> RawProblem:
    """The rate explains what the product does not, and the product is thirteen decades larger."""
    product = np.array([17.1e12, 17.9e12, 18.5e12, 19.6e12, 21.2e12, 20.9e12, 22.4e12])
    rate = np.array([0.0025, 0.0050, 0.0125, 0.0025, 0.0250, 0.0525, 0.0550])
    y = 0.4e-12 * product - 24.0 * rate + np.array([0.02, -0.01, 0.0, -0.02, 0.01, 0.01, -0.01])
    return RawProblem("a product in dollars beside a rate", "seen", _rows(product, rate, y=y), bias=True)


def _deep(n: int | None) -> RawProblem:
    """The number of samples says nothing about moments that are given as they are."""
    moments = Summary(np.diag([1.0, 1e-11]), np.array([[0.5], [0.5 * 1e-11**0.5]]), 1.0, n=n)
    name = "three layers on eleven decades" + ("" if n is None else " of a million samples")
    return RawProblem(name, "seen", moments, **chain(2, 2, 1e-9))


def _longley() -> RawProblem:
    """A constant as a column, as software without intercepts is given it."""
    data = regression("Longley")
    x = np.hstack([np.ones((len(data.x), 1)), data.x])
    return RawProblem("Longley with a column of ones", "seen", Rows(x, data.y), convention="sum")


def _wampler() -> RawProblem:
    """Powers of whole numbers that fit without error."""
    return nist_problem(regression("Wampler1"), 0)


def _seconds() -> RawProblem:
    """Seconds since 1970, over little more than a minute."""
    elapsed = np.array([0.0, 7.0, 16.0, 24.0, 33.0, 41.0, 52.0, 61.0, 70.0])
    y = 20.0 + 0.011 * elapsed + np.array([0.05, -0.04, 0.01, 0.03, -0.06, 0.02, 0.04, -0.02, -0.03])
    return RawProblem("Unix seconds over a minute", "seen", _rows(1.7e9 + elapsed, y=y), bias=True, convention="sum")


def _alike() -> RawProblem:
    """Two columns that differ in the seventh digit, so that their squares have condition 1e14, and hardly any decay."""
    first = np.array([0.0, 0.0, 0.0, -0.5, 2.0, -0.5])
    apart = np.array([1.0, -1.0, 0.0, 2.0, -2.0, 1.0])
    rows = _rows(first, first + 3e-7 * apart, y=10.0 * first + apart)
    return RawProblem("squares of condition 1e14", "seen", rows, decays=(1e-12,))


def _rows(*columns: Floats, y: Floats) -> Rows:
    return Rows(np.stack(columns, axis=1), y[:, None])


def nist_problem(data: Regression, depth: int) -> RawProblem:
    """A certified regression as a chain of undecayed layers."""
    name = f"{data.name}, {depth + 1} layers"
    return RawProblem(name, "nist", Rows(data.x, data.y), bias=data.intercept, convention="sum", **chain(depth, 2, 0.0))


SEEN: Final[dict[str, Callable[[], RawProblem]]] = {
    "columns eight decades apart": _opposite,
    "uncorrelated inputs": _diagonal,
    "dollars beside a rate": _economy,
    "three layers": lambda: _deep(None),
    "three layers, n given": lambda: _deep(1_000_000),
    "Longley with ones": _longley,
    "Wampler1": _wampler,
    "Unix seconds": _seconds,
    "columns alike": _alike,
}
"""What was wrong is in each docstring; the raw Breast Cancer data, which have two outputs, stand in the tests."""
