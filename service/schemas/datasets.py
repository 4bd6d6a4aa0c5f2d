"""Uploaded data sets on the wire: how a file is read, and what was kept of it."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from service.schemas.base import Number, Reasons, Wire
from service.vocabulary import Task

Delimiter: TypeAlias = Literal["comma", "semicolon", "tab", "pipe", "space"]
Decimal: TypeAlias = Literal["point", "comma"]
Encoding: TypeAlias = Literal["utf-8", "utf-16", "latin-1"]
Missing: TypeAlias = Literal["drop_few", "refuse", "drop_rows", "mean", "indicator"]
Format: TypeAlias = Literal["csv", "npy", "npz", "parquet"]
ColumnName: TypeAlias = Annotated[str, Field(max_length=100)]


class UploadOptions(Wire):
    """How to read a file and what to make of it; nothing is guessed that is not reported back."""

    header: Literal["auto", "present", "absent"] = Field(
        default="auto",
        description="Whether the first line of a csv file names the columns; `auto`: it does if none of its fields is "
        "a number, if it has texts above columns of numbers, or if it counts the columns from 0.",
    )
    delimiter: Literal["auto", Delimiter] = Field(
        default="auto", description="The separator of the fields of a csv file; `space` is any run of spaces and tabs."
    )
    decimal: Literal["auto", Decimal] = Field(default="auto", description="The decimal mark of a csv file.")
    encoding: Literal["auto", Encoding] = Field(default="auto", description="Of the text of a csv file.")
    missing: Missing = Field(
        default="drop_few",
        description="What is done about missing values of inputs and targets. `drop_few`: their rows are left out, if "
        "they are at most a twentieth of all, else the file is refused; `refuse`: the file is refused; `drop_rows`: "
        "their rows are left out; `mean`: a missing input is the mean of its column; `indicator`: so, and one more "
        "input is 1 where it is missing and 0 elsewhere. A category has one more level instead.",
    )
    categories: list[ColumnName] = Field(
        default=[],
        max_length=200,
        description="Names or positions of columns to read as categories, whatever they hold; texts of at most 50 "
        "kinds are read so anyway.",
    )
    targets: list[ColumnName] = Field(
        default=[],
        max_length=200,
        description="Names or positions (from 0; negative from the end) of the target columns; default: the last one.",
    )
    ignore: list[ColumnName] = Field(
        default=[],
        max_length=200,
        description="Names or positions of columns to leave out; they may hold anything.",
    )
    one_hot: bool = Field(
        default=False,
        strict=False,
        description="The one target holds labels, integers or (csv, Parquet) texts: one target for each class.",
    )
    centre: bool = Field(
        default=False,
        strict=False,
        description="Take the mean off every input, and off every target that is not one-hot.",
    )
    standardise: bool = Field(
        default=False,
        strict=False,
        description="Centre, and divide each of these columns by its standard deviation (mean over the samples).",
    )
    keep_samples: bool = Field(
        default=False, strict=False, description="Keep the samples beside their moments, for rules that need them."
    )


class TextDialect(Wire):
    """How the text of a file was read."""

    encoding: Encoding
    decimal: Decimal
    quote: Literal['"', "'"]
    thousands: str = Field(description="What stands between groups of three digits; empty where nothing does.")
    comment: str = Field(description="What begins lines that were left out; empty where there are none.")
    skipped_lines: int = Field(description="Lines before the table.")


class AppliedOptions(Wire):
    """The options as they were applied, with nothing left to guess."""

    header: Literal["present", "absent"]
    delimiter: Delimiter | None = Field(description="Of a csv file.")
    dialect: TextDialect | None = Field(default=None, description="Of a csv file, as it was found.")
    missing: Missing = "drop_few"
    categories: list[int] = Field(default=[], description="Positions of the columns that were read as categories.")
    targets: list[int] = Field(description="Positions of the target columns in the file.")
    ignore: list[int] = Field(description="Positions of the columns that were left out.")
    one_hot: bool
    centre: bool
    standardise: bool
    keep_samples: bool


class FileColumn(Wire):
    """A column of the file: what it holds, and what became of it."""

    name: str = Field(description="From the file, or its position.")
    position: int = Field(description="In the file, from 0.")
    kind: Literal["number", "boolean", "date", "category", "text"]
    role: Literal["input", "target", "left_out"]
    missing: int = Field(description="Rows without a value, among those that were read; 0 for a column left out.")
    least: Number | None = Field(description="The least number; of a date in days since 1970-01-01.")
    greatest: Number | None
    levels: list[str] | None = Field(
        default=None, description="Of a category, in the order of their inputs; the first is the reference of an input."
    )
    done: str = Field(description="In words.")
    reasons: Reasons


class DatasetColumn(Wire):
    """An input or a target, and what was done to it: `(value - shift) / scale`."""

    name: str = Field(description="From the file, or the position; of a class the target's name, `=` and the label.")
    mean: Number = Field(description="In the file.")
    standard_deviation: Number = Field(description="In the file, mean over the samples.")
    shift: Number
    scale: Number


class DatasetColumns(Wire):
    """The columns of a data set, and those of its file."""

    file_columns: list[FileColumn] = Field(default=[], description="Empty for data sets of version 0.1.")

    input_columns: list[DatasetColumn]
    target_columns: list[DatasetColumn]


class DatasetFacts(Wire):
    """What the numbers of a file say about it, whenever and under whatever id they are stored."""

    samples: int
    inputs: int
    outputs: int
    task: Task = Field(strict=False)
    classes: list[int] | None = Field(description="Label of each target, for one-hot targets.")
    class_names: list[str] | None = Field(
        default=None,
        description="Text of each class in the file, where labels are texts; `classes` numbers them from 0.",
    )
    samples_kept: bool
    rows_left_out: int = Field(
        default=0, description="Rows with a missing value that were left out; `options.missing` says why."
    )
    options: AppliedOptions
    reasons: Reasons


class DatasetSummary(DatasetFacts):
    """An uploaded data set; `{"kind": "dataset", "id": ...}` uses it as the data of a problem."""

    id: str = Field(description="Hash of the file and the applied options: the same content has the same id.")
    created_at: str
    expires_at: str = Field(
        description="Time of deletion if the data set is not used before; each use postpones it; see "
        "`MINIMA_DATASET_RETENTION_S`."
    )
    format: Format
    bytes: int = Field(description="Of the file.")


class Dataset(DatasetSummary):
    """A data set with its columns."""

    file_columns: list[FileColumn] = Field(default=[], description="Empty for data sets of version 0.1.")

    input_columns: list[DatasetColumn]
    target_columns: list[DatasetColumn]


class DatasetList(Wire):
    """One page of data sets, newest first."""

    datasets: list[DatasetSummary]
    next: str | None = Field(description="Cursor of the next page.")
    reasons: Reasons
