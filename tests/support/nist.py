"""Certified linear regressions of the NIST Statistical Reference Datasets (`nist_strd.json`)."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np

from tests.support.exact_numbers import Floats

FILE: Final = Path(__file__).with_name("nist_strd.json")
CERTIFIED_DIGITS: Final = 15.0
"""Digits of the certified values themselves."""
REQUIRED_DIGITS: Final = {
    "NoInt1": 13.0,
    "NoInt2": 13.0,
    "Norris": 12.5,
    "Longley": 11.0,
    "Wampler1": 8.0,
    "Wampler2": 8.0,
    "Wampler3": 8.0,
    "Filip": 6.0,
}
"""Log relative error of the coefficients that double precision and an orthogonal factorisation should reach."""
FITS: Final = ("Wampler1", "Wampler2")
"""Polynomials without noise: their loss is zero."""


@dataclass(frozen=True)
class Regression:
    """One data set with its certified answer.

    Attributes
    ----------
    name : str
    x : (n, d) array
        Predictors, powers included.
    y : (n, 1) array
    intercept : bool
    coefficients : array
        The constant first, if there is one.
    residual_sum_of_squares : float
    """

    name: str
    x: Floats
    y: Floats
    intercept: bool
    coefficients: Floats
    residual_sum_of_squares: float

    def digits(self, slopes: Floats, offset: float) -> float:
        """Log relative error of the worst coefficient: how many of its digits are right, at most those certified."""
        found = np.concatenate([[offset], slopes]) if self.intercept else slopes
        error = np.abs(found - self.coefficients) / np.abs(self.coefficients)
        with np.errstate(divide="ignore"):
            digits: Floats = np.minimum(-np.log10(error), CERTIFIED_DIGITS)
        return float(digits.min())


@cache
def regression(name: str) -> Regression:
    """One of the data sets of `REQUIRED_DIGITS`."""
    found = json.loads(FILE.read_text(encoding="utf-8"))["datasets"][name]
    x = np.array(found["x"], dtype=np.float64)
    if found["degree"] is not None:
        x = np.stack([x**power for power in range(1, found["degree"] + 1)], axis=1)
    x = x.reshape(len(found["y"]), -1)
    y = np.array(found["y"], dtype=np.float64)[:, None]
    return Regression(name, x, y, found["intercept"], np.array(found["coefficients"]), found["residual_sum_of_squares"])
