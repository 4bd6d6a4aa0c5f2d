"""Tables whose columns have types, as pyarrow reads them from files of several formats: batch after batch."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.errors import InputError, MalformedBody
from service.operations.uploads.arrow import numbered
from service.operations.uploads.fields import CATEGORY, MAX_LEVELS, NUMBER, TEXT, Reading
from service.operations.uploads.layouts import ROW_LABELS
from service.operations.uploads.tables import name_of, rows_of_a_block, wrong_entry
from service.operations.uploads.text_labels import TextLabels, fault


@dataclass(frozen=True, slots=True)
class OpenedTable:
    """A file that was opened.

    Attributes
    ----------
    kind : str
        Name of its format.
    schema : pyarrow.Schema
    rows : int or None
        That it announces.
    batches : callable
        ``batches(rows, names)``: batches of at most so many rows with these columns, or more.
    errors : tuple of type
        What pyarrow raises for files that are damaged.
    types : module
        ``pyarrow.types``.
    """

    kind: str
    schema: Any
    rows: int | None
    batches: Callable[[int, Sequence[str]], Iterator[Any]]
    errors: tuple[type[Exception], ...]
    types: Any


def arrow_table(source: OpenedTable) -> "ArrowTable":
    """The table of a file that was opened.

    Raises
    ------
    MalformedBody
        If the names of its columns are not text, or the metadata that pandas wrote is not valid JSON.
    """
    try:
        return ArrowTable(source)
    except source.errors as error:
        raise MalformedBody(f"the file is not a readable {source.kind} file") from error


class ArrowTable:
    """Columns of numbers, and labels; see `Table`.

    A number that is missing is NaN, and refused as such.
    """

    targets = 0

    def __init__(self, source: OpenedTable) -> None:
        self._source, schema = source, source.schema
        self.names: tuple[str, ...] | None = tuple(schema.names)
        self.columns, self.rows = len(schema), source.rows
        if len(set(schema.names)) != len(schema):
            raise InputError.at(("header",), "must not name two columns alike")
        self._types, self._kinds = source.types, schema.types
        self.readings: tuple[Reading, ...] = tuple(map(self._reading, schema.types))
        self.left_out = dict.fromkeys(_index_columns(schema), ROW_LABELS)
        self.levels: dict[int, TextLabels] = {}
        self._chosen: Sequence[int] = range(self.columns)
        self._label: int | None = None

    @property
    def label_names(self) -> list[str] | None:
        """Texts of the labels, as far as the file was read."""
        texts = None if self._label is None else self.levels.get(self._label)
        return None if texts is None else texts.names

    def choose(self, columns: Sequence[int], labels: int | None, categories: Sequence[int] = ()) -> None:
        """Read these columns; their types say which hold numbers."""
        self._chosen, self._label = list(columns), labels
        for column in self._chosen:
            if self._is_text(self._kinds[column]):
                self.levels[column] = TextLabels(column)
            elif column in categories:
                detail = "must name columns of texts: numbers of a file with types are numbers"
                raise InputError.at(("categories",), detail, "parameter")
            elif self.readings[column] == TEXT:
                name = name_of(column, self.names)
                detail = (
                    f"must be a column of numbers, dates or texts; `ignore` leaves it out (column {column}, {name})"
                )
                raise InputError.at(("header", name), detail)

    def _is_text(self, kind: Any) -> bool:
        types = self._types
        kind = kind.value_type if types.is_dictionary(kind) else kind
        return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))

    def _reading(self, kind: Any) -> Reading:
        """How a column of this type is read; as text where it is not a value of any kind."""
        types = self._types
        if self._is_text(kind):
            return CATEGORY
        if types.is_date(kind) or types.is_timestamp(kind):
            return Reading("date", str(kind))
        if types.is_boolean(kind):
            return Reading("boolean")
        numeric = types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)
        return NUMBER if numeric else TEXT

    def blocks(self) -> Iterator[FloatArray]:
        """Blocks of rows (m, columns)."""
        assert self.names is not None  # noqa: S101 - such a file names its columns
        wanted = [self.names[column] for column in self._chosen]
        row = 0
        try:
            for batch in self._source.batches(rows_of_a_block(self.columns), wanted):
                if batch.num_rows:
                    yield self._numbers(batch, row)
                    row += batch.num_rows
        except self._source.errors as error:
            raise MalformedBody(f"the file is not a readable {self._source.kind} file, or it ends early") from error

    def _numbers(self, batch: Any, row: int) -> FloatArray:
        assert self.names is not None  # noqa: S101 - as above
        block = np.zeros((batch.num_rows, self.columns))
        for column in self._chosen:
            held = batch.column(self.names[column])
            block[:, column] = self._codes(column, held, row) if column in self.levels else self._values(column, held)
        return block

    def _values(self, column: int, held: Any) -> FloatArray:
        """Numbers, NaN for missing ones; of dates the days since 1970."""
        kind = self._kinds[column]
        if self.readings[column].kind == "date":
            moments = held.to_numpy(zero_copy_only=False).astype("datetime64[us]")
            days: FloatArray = (moments - np.datetime64(0, "us")) / np.timedelta64(1, "D")
            return days
        if self._types.is_decimal(kind):
            held = held.cast("float64")
        return np.asarray(held.to_numpy(zero_copy_only=False), dtype=np.float64)

    def _codes(self, column: int, held: Any, row: int) -> FloatArray:
        """Numbers of the texts of a category; NaN for missing ones."""
        texts, missing = self.levels[column], np.asarray(held.is_null().to_numpy(zero_copy_only=False))
        found = np.full(len(held), np.nan)
        codes = numbered(held.drop_null(), texts)
        if codes is None:
            entries = enumerate(held.to_pylist())
            wrong, detail = next((at, why) for at, text in entries if text is not None and (why := fault(text)))
            raise wrong_entry(row + wrong, column, self.names, detail)
        if column != self._label and len(texts.names) > MAX_LEVELS:
            name = name_of(column, self.names)
            raise InputError.at(
                ("header", name), f"holds more than {MAX_LEVELS} different texts; `ignore` leaves it out"
            )
        found[~missing] = codes
        return found


def _index_columns(schema: Any) -> list[int]:
    """Columns that pandas wrote beside the data: the labels of the rows."""
    metadata = schema.pandas_metadata
    described = metadata.get("index_columns") if isinstance(metadata, dict) else None
    names = {name for name in described if isinstance(name, str)} if isinstance(described, list) else set()
    return [at for at, name in enumerate(schema.names) if name in names or name.startswith("__index_level_")]
