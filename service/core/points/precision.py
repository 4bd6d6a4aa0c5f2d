"""In which precision given weights were stored, read off their digits, and what storing them there can have changed."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.vocabulary import NumberFormat

SPARE_BITS: Final = 4
"""A number fills a format if its last four bits are not all zero: 15 of 16 rounded numbers do, hardly any typed one."""

FILLED_SHARE: Final = 0.5
"""Share of the numbers that must fill a format for it to be recognised."""


@dataclass(frozen=True, slots=True)
class Format:
    """A binary floating-point format of fewer bits than double precision.

    Attributes
    ----------
    precision : NumberFormat
    bits : int
        Of the significand, the hidden one included.
    least_exponent : int
        ``2^least_exponent`` is the least positive number.
    largest : float
        Largest finite number.
    least_count : int
        Different numbers that are needed before it is recognised: few bits are met by chance.
    """

    precision: NumberFormat
    bits: int
    least_exponent: int
    largest: float
    least_count: int

    @property
    def unit(self) -> float:
        """Unit roundoff."""
        return 2.0**-self.bits

    def spacing(self, numbers: FloatArray) -> FloatArray:
        """Distance of neighbours in the format at the size of each number (any shape)."""
        exponents = np.frexp(numbers)[1] - self.bits
        spaced: FloatArray = np.ldexp(1.0, np.maximum(exponents, self.least_exponent))
        return spaced

    def is_recognised_by(self, numbers: FloatArray) -> bool:
        """Whether all positive numbers (any shape) are in the format and most of them fill it."""
        if float(numbers.max()) > self.largest:
            return False
        multiples = numbers / self.spacing(numbers)
        if np.any(multiples != np.floor(multiples)):
            return False
        # numbers near the least one have fewer bits: they are in the format, but show nothing
        whole = multiples[multiples >= 2.0 ** (self.bits - 1)]
        filled = np.count_nonzero(np.fmod(whole, 2.0**SPARE_BITS))
        return bool(whole.size >= self.least_count and filled >= FILLED_SHARE * whole.size)


FORMATS: Final = (
    Format(NumberFormat.BFLOAT16, 8, -133, 3.3895313892515355e38, 4),
    Format(NumberFormat.HALF, 11, -24, 65504.0, 1),
    Format(NumberFormat.SINGLE, 24, -149, 3.4028234663852886e38, 1),
)
"""From the fewest bits: numbers of a short format are in the longer ones as well."""


def format_of(arrays: Iterable[FloatArray]) -> Format | None:
    """The shortest format that all numbers (arrays of any shape) are in and fill; ``None`` for double precision.

    Notes
    -----
    Numbers that need few bits, such as zeros, ones and halves, are exact in every format and are not distinguished from
    double precision.
    """
    numbers = np.concatenate([np.ravel(array) for array in arrays] or [np.zeros(0)])
    # aligned layers repeat a number many times, which says no more than once
    numbers = np.unique(np.abs(numbers[numbers != 0.0]))
    return next((found for found in FORMATS if numbers.size and found.is_recognised_by(numbers)), None)
