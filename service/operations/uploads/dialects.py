"""The dialect of a text table, found from its beginning and reported in the answer: how it is cut into fields."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from service.operations.uploads.fields import DATE_LIKE, is_missing, number_of
from service.schemas.datasets import Delimiter, UploadOptions

DELIMITERS: Final[Mapping[Delimiter, str]] = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "space": " "}
NAME_OF: Final = {mark: name for name, mark in DELIMITERS.items()}
QUOTES: Final = ('"', "'")
COMMENTS: Final = ("#", "%", "//")
LINES: Final = 60
"""Of the beginning, from which the dialect is found."""
GROUPED: Final = {
    # decimal mark: numbers that can only be of this convention, and numbers of it with groups of thousands
    ".": (re.compile(r"[+-]?\d{1,3}(,\d{3})+\.\d*|[+-]?\d*\.(\d{1,2}|\d{4,})([eE][+-]?\d+)?"), ","),
    ",": (re.compile(r"[+-]?\d{1,3}(\.\d{3})+,\d*|[+-]?\d*,(\d{1,2}|\d{4,})([eE][+-]?\d+)?"), "."),
}
THOUSANDS: Final = re.compile(r"[+-]?\d{1,3}([,.' \u00a0\u202f])\d{3}(\1\d{3})*([.,]\d*)?")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How lines become fields.

    Attributes
    ----------
    delimiter : str
        One character; a space stands for any run of spaces and tabs.
    decimal : str
        Point or comma.
    thousands : str
        What stands between groups of three digits, or nothing.
    quote : str
    comment : str
        Lines that begin so are left out; empty where there are none.
    trailing : bool
        Whether each line ends in a delimiter that separates nothing.
    """

    delimiter: str = ","
    decimal: str = "."
    thousands: str = ""
    quote: str = '"'
    comment: str = ""
    trailing: bool = False

    @property
    def name(self) -> Delimiter:
        """Of the delimiter, as options say it."""
        return NAME_OF[self.delimiter]

    @property
    def is_plain(self) -> bool:
        """Whether lines are what readers of numbers take as they are."""
        return self == Dialect(self.delimiter) and self.delimiter != " "

    def fields(self, line: str) -> list[str] | None:
        """The fields of one line; None where a quotation goes on in the next line, or a field is too long."""
        if self.delimiter == " ":
            line = re.sub(r"[ \t]+", " ", line.strip())
        lines = csv.reader(
            [line, ""], delimiter=self.delimiter, quotechar=self.quote, skipinitialspace=self.delimiter != "\t"
        )
        try:
            found = next(lines)
        except csv.Error:
            return None
        if lines.line_num > 1:
            return None
        return found[:-1] if self.trailing and len(found) > 1 and not found[-1].strip() else found

    def number(self, field: str) -> str:
        """A field with the decimal point and without groups of thousands, where it may be a number."""
        if self.thousands and THOUSANDS.fullmatch(field.strip()):
            field = field.replace(self.thousands, "")
        return field.replace(",", ".", 1) if self.decimal == "," else field


def lines_of(text: str, comment: str = "") -> list[str]:
    """Lines that say something."""
    found = [line for line in text.split("\n") if line.strip()]
    return [line for line in found if not line.lstrip().startswith(comment)] if comment else found


def dialect_of(text: str, options: UploadOptions) -> Dialect:
    """The dialect in which a table begins; what the options say is not looked for.

    Parameters
    ----------
    text : str
        Whole lines.
    options : UploadOptions
    """
    first = next((line.lstrip() for line in text.split("\n") if line.strip()), "")
    comment = next((mark for mark in COMMENTS if first.startswith(mark)), "")
    lines = lines_of(text, comment)[:LINES]
    wanted = list(DELIMITERS.values()) if options.delimiter == "auto" else [DELIMITERS[options.delimiter]]
    seen = "".join(lines)
    marks = [mark for mark in wanted if mark in seen or (mark == " " and "\t" in seen)] or wanted[:1]
    quotes = [quote for quote in QUOTES if quote in seen] or [QUOTES[0]]
    candidates = [Dialect(delimiter, quote=quote, comment=comment) for delimiter in marks for quote in quotes]
    best = max(candidates, key=lambda dialect: _score(dialect, lines))
    best = replace(best, trailing=_has_trailing(best, lines))
    return _with_numbers(best, lines, options)


def _score(dialect: Dialect, lines: Sequence[str]) -> float:
    """How well a dialect explains lines: as many fields in each, and fields that say something."""
    cut = [dialect.fields(line) for line in lines]
    counts = Counter(len(fields) for fields in cut if fields is not None)
    if not counts:
        return -1.0
    count, lines_of_it = max(counts.items(), key=lambda item: (item[1], item[0]))
    rows = [fields for fields in cut if fields is not None and len(fields) == count]
    # the first line may be the header
    said = [field for fields in rows[1:] or rows for field in fields]
    share = sum(map(_says_something, said)) / max(1, len(said))
    # a quotation that goes on in the next line is one, too
    alike = (lines_of_it + cut.count(None)) / max(1, len(lines))
    loose = any(field[:1] in QUOTES for fields in rows for field in fields)
    # a table has columns; where nothing separates them, one column is what is left
    found = alike * (0.25 + share) if count > 1 else 0.05
    # blanks stand in texts, too
    return found - 0.1 * loose - 0.05 * (dialect.delimiter == " ")


def _says_something(field: str) -> bool:
    field = field.strip().strip("\"'")
    if is_missing(field) or number_of(field) is not None or THOUSANDS.fullmatch(field):
        return True
    if number_of(field.replace(",", ".", 1)) is not None:
        return True
    if "," in field or " -" in field:
        # of the numbers `-100,33 -2,83` the piece `33 -2` is not a date
        return False
    return bool(re.search(r"\d", field) and re.search(r"[-/.:]", field) and DATE_LIKE.fullmatch(field))


def _has_trailing(dialect: Dialect, lines: Iterable[str]) -> bool:
    """Whether every line ends in a delimiter with nothing behind it, and the last column would be empty throughout."""
    if dialect.delimiter == " ":
        return False
    cut = [fields for line in lines if (fields := dialect.fields(line)) is not None]
    first, body = cut[0] if cut else [], cut[1:]
    ends = all(len(fields) > 1 and not fields[-1].strip() for fields in body)
    return bool(body) and ends and (not first[-1].strip() or len(first) == len(body[0]) - 1)


def _with_numbers(dialect: Dialect, lines: Sequence[str], options: UploadOptions) -> Dialect:
    """The dialect with its decimal mark and the mark of thousands."""
    fields = [field.strip() for line in lines for field in dialect.fields(line) or ()]
    decimal = {"point": ".", "comma": ","}.get(options.decimal, "")
    if not decimal:
        votes = {mark: sum(bool(only.fullmatch(field)) for field in fields) for mark, (only, _) in GROUPED.items()}
        european = dialect.delimiter == ";" and not votes["."] and any("," in field for field in fields)
        decimal = "," if dialect.delimiter != "," and (votes[","] > votes["."] or european) else "."
    marks = Counter(found[1] for field in fields if (found := THOUSANDS.fullmatch(field)) and found[1] != decimal)
    return replace(dialect, decimal=decimal, thousands=max(marks, key=marks.__getitem__, default=""))
