"""Rows of a file as rows of numbers: categories, labels and missing values become columns as they are met."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from service.core.ground.data.filled import Filling, filled_factor
from service.core.ground.data.scatter import Scatter
from service.core.ground.numbers.arrays import FloatArray, IntArray
from service.core.ground.numbers.factor import Factor
from service.errors import LimitExceeded
from service.operations.mapping.columns import ClassColumns, Roles
from service.operations.mapping.counted import CountedRows
from service.operations.uploads.fields import CATEGORY
from service.operations.uploads.tables import Table, name_of, rows_of_a_block
from service.schemas.datasets import Missing
from service.settings import UploadLimits

NO_LEVEL: Final = -1
"""The level of a category that is missing."""


@dataclass(frozen=True, slots=True)
class ColumnSource:
    """A column of the factor: a column of the file as it is, or one level of it.

    Attributes
    ----------
    column : int
        In the file.
    name : str
    place : int
        In the table that was factored.
    level : int or None
        Code of the level; None for a number.
    """

    column: int
    name: str
    place: int
    level: int | None = None


@dataclass
class Expansion:
    """Turns blocks of a table into rows of a growing number of columns, and knows at the end which of them matter.

    Attributes
    ----------
    table, roles, missing, limits
    classes : ClassColumns or None
        Where the target is a label.
    counted : CountedRows
        The rows that are added.
    """

    table: Table
    roles: Roles
    missing: Missing
    limits: UploadLimits
    classes: ClassColumns | None

    def __post_init__(self) -> None:
        inputs = self.roles.inputs
        self.categories = [column for column in inputs if self.table.readings[column] == CATEGORY]
        self.numbers = [column for column in inputs if column not in self.categories]
        self.numbers += [] if self.classes is not None else self.roles.targets
        if sorted(self.numbers) == list(range(self.table.columns)):
            # whole blocks in the order of the file: a reordered one would be a copy
            self.numbers.sort()
        self._place = {column: place for place, column in enumerate(self.numbers)}
        self._everything = self.numbers == list(range(self.table.columns))
        # places of columns that appear: of levels, of what is missing, of classes
        self._levels: dict[tuple[int, int], int] = {}
        self._gaps: dict[int, int] = {}
        self._class_places: list[int] = []
        self._stand_in: dict[int, float] = {}
        self.counted = CountedRows(self.table, self.roles, self.missing)

    def add(self, block: FloatArray, scatter: Scatter, first: int) -> bool:
        """Add the rows of a block (m, columns) that count; whether every entry was finite."""
        if self._is_plain:
            return scatter.add(block if self._everything else block[:, self.numbers])
        marks = self._marks(block, scatter, first)
        step = rows_of_a_block(scatter.columns)
        parts = range(0, len(block), step)
        return all(scatter.add(self._coded(block, marks, scatter.columns, slice(at, at + step))) for at in parts)

    @property
    def _is_plain(self) -> bool:
        """Whether every column so far is one of the factor, and nothing was missing that is filled."""
        return not (self.categories or self.classes or self.counted.fills)

    def _marks(self, block: FloatArray, scatter: Scatter, first: int) -> list[IntArray]:
        """For each row and each column of the file that becomes several: the place of the one in it, or -1."""
        marks: list[IntArray] = []
        new = scatter.columns
        for column in self.categories:
            codes = np.where(np.isnan(block[:, column]), NO_LEVEL, block[:, column]).astype(np.intp)
            met, rows = np.unique(codes, return_inverse=True)
            for code in met.tolist():
                if (column, code) not in self._levels:
                    self._levels[column, code] = new
                    new += 1
            marks.append(np.array([self._levels[column, code] for code in met.tolist()], dtype=np.intp)[rows])
        for column in self.numbers:
            gaps = np.isnan(block[:, column])
            if gaps.any() and column not in self._gaps:
                self._gaps[column] = new
                new += 1
                there = block[~gaps, column]
                self._stand_in[column] = float(there[0]) if len(there) else 0.0
            if column in self._gaps:
                marks.append(np.where(gaps, self._gaps[column], -1))
        if self.classes is not None:
            found = self.classes.places(block, first, self.table.names)
            while len(self._class_places) < len(self.classes.labels):
                self._class_places.append(new)
                new += 1
            marks.append(np.array(self._class_places, dtype=np.intp)[found])
        if len(self.numbers) + len(self._levels) > self.limits.max_inputs + len(self.roles.targets):
            raise LimitExceeded((), "max_inputs", self.limits.max_inputs, "inputs")
        scatter.widen(new)
        return marks

    def _coded(self, block: FloatArray, marks: Sequence[IntArray], columns: int, part: slice) -> FloatArray:
        """Rows of the factor for some rows of a block."""
        numbers = self._filled(block[part][:, self.numbers])
        rows = np.zeros((len(numbers), columns))
        rows[:, : len(self.numbers)] = numbers
        for places in marks:
            there = np.flatnonzero(places[part] >= 0)
            rows[there, places[part][there]] = 1.0
        return rows

    def _filled(self, numbers: FloatArray) -> FloatArray:
        """Numbers with what stands in for missing ones until the mean is known."""
        for column, value in self._stand_in.items():
            place = self._place[column]
            numbers[:, place] = np.where(np.isnan(numbers[:, place]), value, numbers[:, place])
        return numbers

    def sources(self) -> list[ColumnSource]:
        """The inputs, each with the name of its column, then the targets that are numbers."""
        found: list[ColumnSource] = []
        for column in self.roles.inputs:
            name = str(name_of(column, self.table.names))
            if column not in self.categories:
                found.append(ColumnSource(column, name, self._place[column]))
                if column in self._gaps and self.missing == "indicator":
                    found.append(ColumnSource(column, f"{name} is missing", self._gaps[column], NO_LEVEL))
                continue
            # the reference level has no column: its rows are those in which no other level has a one
            for code, text in self.levels_of(column)[1:]:
                found.append(ColumnSource(column, f"{name}={text}", self._levels[column, code], code))
        if self.classes is None:
            found += [
                ColumnSource(column, str(name_of(column, self.table.names)), self._place[column])
                for column in self.roles.targets
            ]
        return found

    def levels_of(self, column: int) -> list[tuple[int, str]]:
        """Code and text of each level of a category that was met, by their texts; what is missing comes last."""
        texts = self.table.levels[column].names
        met = [code for at, code in self._levels if at == column]
        named = sorted((texts[code], code) for code in met if code != NO_LEVEL)
        return [(code, text) for text, code in named] + [(NO_LEVEL, "missing")] * (NO_LEVEL in met)

    def class_places(self) -> list[int]:
        """Places of the one-hot targets, in the order in which the labels were met."""
        return self._class_places

    def means(self, scatter: Scatter) -> dict[int, float]:
        """The mean of each column with missing values, over the rows that have one."""
        everything = scatter.factor(scatter.columns)
        found: dict[int, float] = {}
        for column, gap in self._gaps.items():
            share, mean = float(everything.x_mean[gap]), float(everything.x_mean[self._place[column]])
            stand_in = self._stand_in[column]
            found[column] = stand_in + (mean - stand_in) / (1.0 - share) if share < 1.0 else stand_in
        return found

    def factor(self, scatter: Scatter, inputs: int, places: Sequence[int], whole: Scatter | None = None) -> Factor:
        """The factor of the columns at these places, missing numbers filled by the means of the others.

        The means are those of ``whole``, where ``scatter`` holds a part of its rows.
        """
        if not self._gaps:
            return scatter.factor(inputs, places)
        means = self.means(scatter if whole is None else whole)
        fillings = [
            Filling(self._place[column], gap, means[column] - self._stand_in[column])
            for column, gap in self._gaps.items()
        ]
        return filled_factor(scatter.factor(scatter.columns), fillings, inputs, places)

    def kept(self, rows: FloatArray, scatter: Scatter) -> FloatArray:
        """Rows (m, chosen columns) of the file as samples: the inputs as `sources` lists them, then the targets."""
        if not self.categories and not self._gaps:
            return rows
        means = self.means(scatter) if self._gaps else {}
        position = {column: place for place, column in enumerate(self.roles.chosen)}
        columns = []
        for source in self.sources():
            values = rows[:, position[source.column]]
            if source.level is None:
                columns.append(np.where(np.isnan(values), means.get(source.column, 0.0), values))
            elif source.level == NO_LEVEL:
                columns.append(np.isnan(values).astype(np.float64))
            else:
                columns.append((values == source.level).astype(np.float64))
        if self.classes is not None:
            columns.append(rows[:, -1])
        return np.column_stack(columns)
