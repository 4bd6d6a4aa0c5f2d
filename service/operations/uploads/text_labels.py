"""Class labels that are texts: numbered as they are met, so that a table stays one of numbers."""

import unicodedata
from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from service.core.ground.numbers.arrays import FloatArray

IntArray: TypeAlias = npt.NDArray[np.integer]
MAX_NAME: Final = 100
MISSING: Final = "must be a label and is missing"


class TextLabels:
    """Texts of one column, and the number of each.

    Attributes
    ----------
    column : int
        Position in the file.
    names : list of str
        Without spaces around them, in the order in which they were met.
    """

    def __init__(self, column: int) -> None:
        self.column = column
        self.names: list[str] = []
        self._numbers: dict[str, int] = {}

    def numbered(self, met: Sequence[str | None], places: IntArray) -> FloatArray | None:
        """Numbers (m,) of the labels ``met[places]``; None if one of them is not a label, see `fault`."""
        if any(fault(text) for text in met):
            return None
        found = np.array([self._number(str(text).strip()) for text in met], dtype=np.float64)
        return found[places]

    def _number(self, name: str) -> int:
        if name not in self._numbers:
            self._numbers[name] = len(self.names)
            self.names.append(name)
        return self._numbers[name]


def fault(text: str | None) -> str | None:
    """What is wrong with a label, if anything is."""
    if text is None or not text.strip() or text.strip().lower() == "nan":
        return MISSING
    if len(text) > MAX_NAME:
        return f"must be a label of at most {MAX_NAME} characters"
    if any(unicodedata.category(letter) == "Cc" for letter in text):
        return "must be a label without control characters"
    return None
