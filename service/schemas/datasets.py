"""Uploaded data sets on the wire: how a file is read, and what was kept of it."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from service.schemas.base import Number, Reasons, Wire
from service.vocabulary import Task

Delimiter: TypeAlias = Literal["comma", "semicolon", "tab", "pipe", "space"]
Decimal: TypeAlias = Literal["point", "comma"]
Encoding: TypeAlias = Literal["utf-8", "utf-16", "latin-1"]
Missing: TypeAlias = Literal["drop_few", "refuse", "drop_rows", "mean", "indicator"]
Format: TypeAlias = Literal["csv", "npy", "npz", "parquet", "feather", "arff", "svmlight", "xlsx"]
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
    encoding: Literal["auto", Encoding] = Field(default="auto", description="The encoding of a csv file.")
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
        description="The one target holds labels, integers or texts (not of arrays and svmlight): one target for each "
        "class.",
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
    folds: int | None = Field(
        default=None,
        strict=False,
        ge=2,
        le=100,
        description="Keep the moments of so many folds of the rows as well, for `/v1/selection`; left out: none.",
    )


class TextDialect(Wire):
    """How the text of a file was read."""

    encoding: Encoding = Field(description="The encoding of its characters.")
    decimal: Decimal = Field(description="The decimal mark.")
    quote: Literal['"', "'"] = Field(description="The mark around fields that hold a delimiter.")
    thousands: str = Field(description="What stands between groups of three digits; empty where nothing does.")
    comment: str = Field(description="What begins lines that were left out; empty where there are none.")
    skipped_lines: int = Field(description="Number of lines before the table.")


class AppliedOptions(Wire):
    """The options as they were applied, with nothing left to guess."""

    header: Literal["present", "absent"] = Field(description="Whether the first line named the columns.")
    delimiter: Delimiter | None = Field(
        description="The separator of the fields of a csv file; null for other formats."
    )
    dialect: TextDialect | None = Field(
        default=None, description="How the text of a csv file was read; only for csv files."
    )
    missing: Missing = Field(default="drop_few", description="What became of rows with missing values.")
    categories: list[int] = Field(default=[], description="Positions of the columns that were read as categories.")
    targets: list[int] = Field(description="Positions of the target columns in the file.")
    ignore: list[int] = Field(description="Positions of the columns that were left out.")
    one_hot: bool = Field(description="Whether the target was split into one target for each class.")
    centre: bool = Field(description="Whether means were taken off.")
    standardise: bool = Field(description="Whether columns were divided by their standard deviations.")
    keep_samples: bool = Field(description="Whether the samples were kept.")
    folds: int | None = Field(default=None, description="Number of folds whose moments were kept; null for none.")


class FileColumn(Wire):
    """A column of the file: what it holds, and what became of it."""

    name: str = Field(description="Name from the file, or the position.")
    position: int = Field(description="Position in the file, from 0.")
    kind: Literal["number", "boolean", "date", "category", "text"] = Field(description="What the column holds.")
    role: Literal["input", "target", "left_out"] = Field(description="What became of the column.")
    missing: int = Field(description="Rows without a value, among those that were read; 0 for a column left out.")
    least: Number | None = Field(
        description="The least number; of a date in days since 1970-01-01. Null with a reason where the column "
        "holds no numbers."
    )
    greatest: Number | None = Field(
        description="The greatest number, as `least`; null with a reason where the column holds no numbers."
    )
    levels: list[str] | None = Field(
        default=None,
        description="Categories in the order of their inputs, of which the first is the reference of an input; "
        "only for a category.",
    )
    done: str = Field(description="What was done to the column, in words.")
    reasons: Reasons


class DatasetColumn(Wire):
    """An input or a target, and what was done to it: `(value - shift) / scale`."""

    name: str = Field(
        description="Name from the file, or the position; for a class the name of the target, `=` and the label."
    )
    mean: Number = Field(description="Mean of the column in the file.")
    standard_deviation: Number = Field(
        description="Standard deviation of the column in the file (mean over the samples)."
    )
    shift: Number = Field(description="What was taken off each value; 0 where nothing was.")
    scale: Number = Field(description="What each value was then divided by; 1 where nothing was.")


class DatasetColumns(Wire):
    """The columns of a data set, and those of its file."""

    file_columns: list[FileColumn] = Field(
        default=[], description="Every column of the file, in order; empty for data sets of version 0.1."
    )

    input_columns: list[DatasetColumn] = Field(description="The inputs, in order.")
    target_columns: list[DatasetColumn] = Field(description="The targets, in order.")


class DatasetFacts(Wire):
    """What the numbers of a file say about it, whenever and under whatever id they are stored."""

    samples: int = Field(description="Number of samples.")
    inputs: int = Field(description="Number of inputs.")
    outputs: int = Field(description="Number of targets, one for each class if they are one-hot.")
    task: Task = Field(strict=False, description="Whether the targets are numbers or classes.")
    classes: list[int] | None = Field(
        description="Label of each target; null with a reason unless targets are one-hot."
    )
    class_names: list[str] | None = Field(
        default=None,
        description="Text of each class in the file, where labels are texts; `classes` numbers them from 0.",
    )
    samples_kept: bool = Field(description="Whether the samples are kept, not only what squared loss needs of them.")
    rows_left_out: int = Field(
        default=0, description="Rows with a missing value that were left out; `options.missing` says why."
    )
    options: AppliedOptions = Field(description="How the file was read.")
    reasons: Reasons


class DatasetSummary(DatasetFacts):
    """An uploaded data set; `{"kind": "dataset", "id": ...}` uses it as the data of a problem."""

    id: str = Field(description="Hash of the file and the applied options: the same content has the same id.")
    created_at: str = Field(description="Time of the upload, in UTC (ISO 8601).")
    expires_at: str = Field(
        description="Time of deletion if the data set is not used before; each use postpones it; see "
        "`MINIMA_DATASET_RETENTION_S`."
    )
    format: Format = Field(description="Format of the file.")
    bytes: int = Field(description="Size of the file in bytes.")


class Dataset(DatasetSummary):
    """A data set with its columns."""

    file_columns: list[FileColumn] = Field(
        default=[], description="Every column of the file, in order; empty for data sets of version 0.1."
    )

    input_columns: list[DatasetColumn] = Field(description="The inputs, in order.")
    target_columns: list[DatasetColumn] = Field(description="The targets, in order.")


class DatasetList(Wire):
    """One page of data sets, newest first."""

    datasets: list[DatasetSummary] = Field(description="The data sets of this page.")
    next: str | None = Field(description="Cursor of the next page; null on the last one.")
    reasons: Reasons
