"""What a field of a text table may say: numbers, nothing, truth values, dates; each kind in one place."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, Literal, TypeAlias

Kind: TypeAlias = Literal["number", "boolean", "date", "category", "text"]

MISSING_WORDS: Final = frozenset(
    {"", "na", "n/a", "#n/a", "nan", "null", "none", "?", "-", "--", ".", "nil", "missing", "<na>"}
)
"""Fields, in lower case and without spaces around them, that say that there is no value."""
TRUTH: Final[Mapping[str, float]] = {"true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0, "t": 1.0, "f": 0.0}
SECONDS_OF_A_DAY: Final = 86_400.0
# in the order in which they are tried: of two that fit, the first is taken, and the answer says which
DATE_FORMATS: Final = (
    *("%Y-%m-%d", "%Y/%m/%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"),
    *("%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%d %H:%M:%S.%f"),
    *("%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d %H:%M:%S%z", "%Y-%m-%dT%H:%M:%S.%f%z", "%Y-%m-%d %H:%M:%S.%f%z"),
    *("%d.%m.%Y", "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S", "%m/%d/%Y", "%d/%m/%Y", "%m/%d/%y", "%d/%m/%y"),
    *("%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S"),
    *("%b %d %Y", "%b-%d-%Y", "%d-%b-%Y", "%d %b %Y", "%B %d, %Y", "%b %d, %Y", "%d-%b-%y", "%b %Y", "%Y-%m", "%Y/%m"),
)
QUARTER: Final = re.compile(r"(\d{4})[- ]?[Qq]([1-4])")
QUARTERS: Final = "%YQq"
"""The name of the format of quarters, which the library does not have: `1974Q1`."""
DATE_LIKE: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z:/. ,T+-]*[0-9Zz]")


def is_missing(field: str) -> bool:
    """Whether a field says that there is no value."""
    return field.strip().lower() in MISSING_WORDS


def number_of(field: str) -> float | None:
    """The number that a field holds; digits of ASCII without the underscores that Python knows."""
    try:
        found = float(field) if field.isascii() and "_" not in field else math.nan
    except ValueError:
        return None
    return None if math.isnan(found) else found


def is_number(field: str) -> bool:
    """Whether a field holds a number."""
    return number_of(field) is not None


@lru_cache(maxsize=1 << 16)
def date_of(field: str, form: str) -> float | None:
    """Days since 1970-01-01 of a date in a format of `DATE_FORMATS`; UTC where a time has no zone."""
    if form == QUARTERS:
        found = QUARTER.fullmatch(field)
        moment = None if found is None else datetime(int(found[1]), 3 * int(found[2]) - 2, 1, tzinfo=UTC)
    else:
        try:
            moment = datetime.strptime(field, form)  # noqa: DTZ007 - the zone is set below where the format has none
        except ValueError:
            return None
    if moment is None:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.timestamp() / SECONDS_OF_A_DAY


def date_format(fields: Sequence[str]) -> str | None:
    """The first format that every field follows, if there is one."""
    if not fields or not all(DATE_LIKE.fullmatch(field) for field in fields):
        return None
    return next(
        (form for form in (*DATE_FORMATS, QUARTERS) if all(date_of(field, form) is not None for field in fields)), None
    )


@dataclass(frozen=True, slots=True)
class Reading:
    """How the fields of a column are read.

    Attributes
    ----------
    kind : str
    form : str
        Of dates.
    """

    kind: Kind
    form: str = ""

    def number(self, field: str) -> float | None:
        """The number that stands for a field that is there; None if it is not of this kind."""
        if self.kind == "boolean":
            return TRUTH.get(field.strip().lower())
        if self.kind == "date":
            return date_of(field.strip(), self.form)
        return number_of(field)


NUMBER: Final = Reading("number")
CATEGORY: Final = Reading("category")
TEXT: Final = Reading("text")
MAX_LEVELS: Final = 50
"""Different texts of a category, at most."""
MOSTLY: Final = 0.5
"""Share of numbers from which on a column is one of numbers, in which whatever else stands is a mistake."""


def reading_of(fields: Sequence[str]) -> Reading:
    """How a column is read, by its first fields: as numbers unless they say otherwise."""
    there = [field.strip() for field in fields if not is_missing(field)]
    if not there or sum(map(is_number, there)) >= MOSTLY * len(there):
        return NUMBER
    if all(field.lower() in TRUTH for field in there):
        return Reading("boolean")
    form = date_format(there)
    if form is not None:
        return Reading("date", form)
    levels = len(set(there))
    return CATEGORY if levels <= MAX_LEVELS and 2 * levels <= len(there) else TEXT
