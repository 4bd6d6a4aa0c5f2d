"""``minima datasets``: a table in a file, read as an upload is, without a server."""

from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from service.cli.errors import CommandError
from service.cli.output import number, print_bytes, wants_json
from service.cli.settings import load_settings
from service.operations.datasets import ReducedDataset, reduce_upload
from service.operations.mapping.datasets import columns_of, factor_document, facts_of
from service.operations.uploads.formats import format_of
from service.schemas.datasets import FileColumn, UploadOptions
from service.settings import UploadLimits


def datasets(
    file: Annotated[
        Path, typer.Argument(help="A csv, tsv, txt, npy, npz, Parquet, Feather, arff, svmlight or xlsx file.")
    ],
    targets: Annotated[list[str] | None, typer.Option(help="Names or positions of the targets.")] = None,
    ignore: Annotated[list[str] | None, typer.Option(help="Names or positions of columns to leave out.")] = None,
    categories: Annotated[list[str] | None, typer.Option(help="Columns to read as categories.")] = None,
    missing: Annotated[str, typer.Option(help="drop_few, refuse, drop_rows, mean or indicator.")] = "drop_few",
    header: Annotated[str, typer.Option(help="auto, present or absent.")] = "auto",
    delimiter: Annotated[str, typer.Option(help="auto, comma, semicolon, tab, pipe or space.")] = "auto",
    one_hot: Annotated[bool, typer.Option("--one-hot", help="The target holds labels.")] = False,
    standardise: Annotated[bool, typer.Option("--standardise", help="Centre and scale every column.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Write JSON on a terminal, too.")] = False,
) -> None:
    """Read a table and say what it holds; the JSON has its numbers as `data` of a problem."""
    asked: dict[str, Any] = {"one_hot": one_hot, "standardise": standardise, "missing": missing}
    asked |= {
        name: given for name, given in (("targets", targets), ("ignore", ignore), ("categories", categories)) if given
    }
    asked |= {name: given for name, given in (("header", header), ("delimiter", delimiter)) if given != "auto"}
    try:
        options = UploadOptions.model_validate(asked)
    except ValidationError as error:
        names = ", ".join(f"--{item['loc'][0]}: {item['msg']}" for item in error.errors(include_url=False))
        raise CommandError(names) from None
    limits = UploadLimits.model_validate(load_settings().model_dump(include=set(UploadLimits.model_fields)))
    form = format_of("", file.name)
    try:
        with file.open("rb") as stream:
            found = reduce_upload(stream, form, options, limits)
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror or 'unknown reason'}") from None
    if wants_json(asked=json):
        print_bytes(orjson.dumps(_document(found)))
    else:
        print_columns(found, Console())


def _document(found: ReducedDataset) -> dict[str, Any]:
    described = {**facts_of(found).model_dump(mode="json"), **columns_of(found).model_dump(mode="json")}
    return {**described, "data": factor_document(found.factor, found.classes)}


def print_columns(found: ReducedDataset, console: Console) -> None:
    """A line for each column of the file."""
    table = Table("column", "kind", "role", "missing", "least", "greatest", "done")
    for column in found.file_columns:
        least, greatest = _range(column)
        table.add_row(column.name, column.kind, column.role, str(column.missing), least, greatest, column.done)
    console.print(table)
    left_out = f"; {found.rows_left_out} rows with missing values were left out" if found.rows_left_out else ""
    factor = found.factor
    console.print(f"{factor.n} samples, {factor.inputs} inputs, {factor.outputs} targets{left_out}")


def _range(column: FileColumn) -> tuple[str, str]:
    if column.least is None or column.greatest is None:
        return "", ""
    return number(column.least), number(column.greatest)
