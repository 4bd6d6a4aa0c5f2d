"""Tables of Weka: attributes with names and types, then lines of text."""

import re
from dataclasses import dataclass
from typing import BinaryIO, Final

from service.errors import InputError, counted
from service.operations.uploads.csv_file import CsvTable
from service.operations.uploads.dialects import Dialect
from service.operations.uploads.fields import CATEGORY, NUMBER, TEXT, Reading
from service.operations.uploads.packed import Begun
from service.operations.uploads.plain_text import PlainText
from service.schemas.datasets import UploadOptions

MAX_HEADER: Final = 1 << 20
READ_BYTES: Final = 1 << 16
ATTRIBUTE: Final = re.compile(
    r"@attribute\s+('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[^\s{]+)\s*(\{.*|\S.*)", re.IGNORECASE
)
NUMERIC: Final = ("numeric", "real", "integer")
COMMENT: Final = "%"
SPARSE: Final = "must be written in full: sparse rows `{index value, ...}` are read as svmlight"


@dataclass(frozen=True, slots=True)
class _Attribute:
    """A column as the header declares it; without a reading its fields say what it holds."""

    name: str
    reading: Reading | None


class ArffTable(CsvTable):
    """A table with the names and types of its header; see `Table`.

    Raises
    ------
    InputError
        If the header has no attributes or no `@data`, or the first row has another number of fields.
    """

    def __init__(self, file: BinaryIO, options: UploadOptions) -> None:
        text = PlainText(file, None)
        attributes, lines, rest = _header(text)
        super().__init__(Begun(text, rest), options.model_copy(update={"header": "absent", "encoding": "utf-8"}))  # type: ignore[arg-type]  # a stream of bytes
        if self.columns != len(attributes):
            detail = f"must have {counted(len(attributes), 'field')}, one for each @attribute, and has {self.columns}"
            raise InputError.at(("rows", 0), f"{detail} (row 0)")
        self.names = tuple(attribute.name for attribute in attributes)
        self.readings = tuple(
            found if attribute.reading is None else attribute.reading
            for found, attribute in zip(self.readings, attributes, strict=True)
        )
        self.left_out = {}
        self._line += lines

    def _dialect_of(self, sample: str, options: UploadOptions) -> Dialect:  # noqa: ARG002 - the format decides
        if sample.lstrip().startswith("{"):
            raise InputError.at(("rows", 0), SPARSE)
        quote = "'" if "'" in sample else '"'
        mark = "," if "," in sample else "\t" if "\t" in sample else " "
        return Dialect(mark, quote=quote, comment=COMMENT)


def _header(text: PlainText) -> tuple[list[_Attribute], int, bytes]:
    """The attributes, the number of lines up to `@data`, and what was read behind it."""
    held = b""
    while not (end := re.search(rb"(?im)^[ \t]*@data\b.*(\n|\Z)", held)):
        more = text.read(READ_BYTES)
        if not more or len(held) > MAX_HEADER:
            raise InputError.at(
                ("header",), f"must end in a line @data within {MAX_HEADER} bytes: this is not an arff file"
            )
        held += more
    lines = held[: end.start()].decode().split("\n")
    attributes = [found for line in lines if (found := _attribute(line.strip())) is not None]
    if not attributes:
        raise InputError.at(("header",), "must declare its columns in lines @attribute")
    names = [attribute.name for attribute in attributes]
    if len(set(names)) < len(names):
        raise InputError.at(("header",), "must not name two attributes alike")
    return attributes, len(lines), held[end.end() :]


def _attribute(line: str) -> _Attribute | None:
    if not line.lower().startswith("@attribute"):
        return None
    found = ATTRIBUTE.fullmatch(line)
    if found is None:
        raise InputError.at(("header",), "must have lines `@attribute name type`")
    name, kind = found[1], found[2].strip()
    if name[0] in "'\"":
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    if kind.startswith("{"):
        return _Attribute(name, CATEGORY)
    word = kind.split()[0].lower()
    if word in NUMERIC:
        return _Attribute(name, NUMBER)
    if word == "string":
        return _Attribute(name, TEXT)
    if word == "date":
        return _Attribute(name, None)
    raise InputError.at(("header",), "must have attributes of type numeric, nominal {..}, date or string")
