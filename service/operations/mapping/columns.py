"""Which columns are inputs, targets or neither, and labels as one-hot columns that appear as they are met."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from service.core.ground.numbers.arrays import FloatArray
from service.errors import InputError, LimitExceeded
from service.operations.uploads.dialects import DELIMITERS
from service.operations.uploads.tables import Table, wrong_entry
from service.schemas.datasets import UploadOptions
from service.schemas.suggestions import nearest

IntArray: TypeAlias = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Roles:
    """Positions of the columns in the file, ascending but for targets, which keep the caller's order."""

    inputs: tuple[int, ...]
    targets: tuple[int, ...]
    ignored: tuple[int, ...]

    @property
    def chosen(self) -> list[int]:
        """Inputs, then targets."""
        return [*self.inputs, *self.targets]


def roles_of(table: Table, options: UploadOptions) -> Roles:
    """The role of each column; one that is not data is left out unless it is named as a target or a category.

    Raises
    ------
    InputError
        If a name or position is unknown or given twice, or nothing is left for the inputs.
    """
    if table.targets:
        if options.targets:
            detail = "belongs to files with one table; in an archive y holds the targets"
            raise InputError.at(("targets",), detail, "parameter")
        targets = tuple(range(table.columns - table.targets, table.columns))
    else:
        targets = positions_of(options.targets, table, "targets") or (table.columns - 1,)
    named = positions_of(options.ignore, table, "ignore")
    wanted = {*targets, *positions_of(options.categories, table, "categories")}
    ignored = tuple(sorted({*named, *(column for column in table.left_out if column not in wanted)}))
    if set(targets) & set(ignored):
        detail = "must not name a target; the last column is the target unless `targets` names others"
        raise InputError.at(("ignore",), detail, "parameter")
    inputs = tuple(column for column in range(table.columns) if column not in {*targets, *ignored})
    if not inputs:
        raise InputError.at((), _no_inputs(table))
    if options.one_hot and len(targets) != 1:
        detail = f"needs exactly one target, which holds the labels, not {len(targets)}"
        raise InputError.at(("one_hot",), detail, "parameter")
    return Roles(inputs, targets, ignored)


def _no_inputs(table: Table) -> str:
    detail = "must have at least one column besides targets and those left out, for the inputs"
    if table.columns > 1:
        return detail
    if not table.columns:
        return f"{detail}; the table has no columns"
    first = table.names[0] if table.names else ""
    meant = next((name for name, mark in DELIMITERS.items() if mark in first), None)
    guess = f": is it `{meant}`?" if meant else ""
    return f"{detail}; one column was found: `delimiter` says what separates the columns{guess}"


def positions_of(wanted: list[str], table: Table, option: str) -> tuple[int, ...]:
    """Positions of the columns that an option names; `InputError` for one that is unknown or named twice."""
    found: list[int] = []
    for index, text in enumerate(wanted):
        position = _position(text, table)
        if position is None:
            meant = None if table.names is None else nearest(text, [name for name in table.names if name])
            detail = "must be the name of a column, or a position in the table"
            raise InputError.at((option, index), f"{detail}; did you mean `{meant}`?" if meant else detail, "parameter")
        if position in found:
            raise InputError.at((option, index), "must not name a column twice", "parameter")
        found.append(position)
    return tuple(found)


def _position(text: str, table: Table) -> int | None:
    if table.names is not None and text in table.names:
        return table.names.index(text)
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 10):
        return None
    position = int(text) + (table.columns if text.startswith("-") else 0)
    return position if 0 <= position < table.columns else None


class ClassColumns:
    """One-hot columns of labels that are not known beforehand: each new label adds a column, zero so far.

    Attributes
    ----------
    labels : list of int
        In the order in which they were met.
    """

    def __init__(self, column: int, max_classes: int) -> None:
        self._column = column
        self._max_classes = max_classes
        self.labels: list[int] = []

    def places(self, block: FloatArray, first: int, names: tuple[str, ...] | None) -> IntArray:
        """The class of each row (m,) of a block whose first row is row ``first`` of the file."""
        values = block[:, self._column]
        wrong = np.flatnonzero(~((values == np.rint(values)) & (np.abs(values) <= 2.0**53)))
        if len(wrong):
            raise wrong_entry(first + int(wrong[0]), self._column, names, "must be an integer label")
        met, rows = np.unique(values, return_inverse=True)
        known = set(self.labels)
        self.labels += [int(label) for label in met.tolist() if label not in known]
        if len(self.labels) > self._max_classes:
            raise LimitExceeded((), "max_outputs", self._max_classes, "classes")
        position = {label: place for place, label in enumerate(self.labels)}
        found: IntArray = np.array([position[int(label)] for label in met.tolist()])[rows]
        return found

    def sorted(self, name: str, texts: Sequence[str] | None) -> tuple[tuple[int, ...], list[int]]:
        """The labels, ascending or by their texts, and the place of each among the columns.

        Labels with texts are numbered anew, from 0 in the order of their texts.

        Raises
        ------
        InputError
            For a single class.
        """
        if len(self.labels) < 2:
            raise InputError.at(("columns", name), "must hold at least two classes")
        keys = self.labels if texts is None else [texts[label] for label in self.labels]
        order = sorted(range(len(keys)), key=keys.__getitem__)
        return tuple(range(len(keys)) if texts is not None else (self.labels[place] for place in order)), order
