"""What the function of an operation answers with: a model of the wire, or columns under one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy.typing as npt

from service.schemas.base import Wire
from service.schemas.batch import ProblemsHeader, VariedHeader


@dataclass(frozen=True)
class SweepTable:
    """A sweep in the caller's convention; its columns stay arrays until they are sent.

    Attributes
    ----------
    header : VariedHeader or ProblemsHeader
    columns : mapping of str to (m,) array
    """

    header: VariedHeader | ProblemsHeader
    columns: Mapping[str, npt.NDArray[Any]]


Answered: TypeAlias = Wire | SweepTable
"""What a function answers with."""


def as_model(answer: Answered) -> Wire:
    """The answer of an operation that is printed, drawn or stored as a whole: a model.

    Raises
    ------
    TypeError
        For columns, which are sent as they are.
    """
    if isinstance(answer, SweepTable):
        raise TypeError("columns are neither printed nor drawn nor stored as a whole")
    return answer
