"""JSON or ``.npz`` to one JSON-like document, for bodies and files alike; free of any framework."""

import re
from typing import Any, Final

import numpy.typing as npt
from pydantic_core import from_json

from service.errors import MalformedBody
from service.operations.uploads.in_memory import MOST_ARRAYS, read_npz
from service.web.bodies.npz import ANSWER, REQUEST, as_json, by_place, place

PLACE: Final = re.compile(r"line (\d+) column (\d+)")
LONGEST: Final = len("-Infinity") + 1
NO_NUMBER: Final = re.compile(rb"[\[:,\s]-?(NaN|Infinity)")

WITHOUT: Final = (
    "leave such samples out, or upload the table to /v1/datasets, where `missing` says what is done about them"
)


def parse_json(content: bytes) -> object:
    """JSON as RFC 8259 has it, so without NaN and Infinity; `MalformedBody` names line and column."""
    try:
        return from_json(content, allow_inf_nan=False)
    except ValueError as error:
        raise MalformedBody(f"the body is not JSON: {error}{_without_numbers(content, str(error))}") from None


def _without_numbers(content: bytes, said: str) -> str:
    """What to do about a number that JSON does not have, if the reader stopped at one."""
    found = PLACE.search(said)
    if found is None:
        return ""
    line = content.split(b"\n")[int(found[1]) - 1]
    end = int(found[2]) + LONGEST
    word = NO_NUMBER.search(line[max(0, end - 2 * LONGEST - 1) : end])
    if word is None:
        return ""
    return f"; JSON has no {word[1].decode()}: {WITHOUT}"


def from_npz(content: bytes, max_bytes: int) -> object:
    """The request in an archive: its JSON as the entry ``request``, arrays named by their dotted path in it.

    An entry ``answer``, of an archive that the service wrote, is left aside.

    Raises
    ------
    MalformedBody
    service.errors.BodyTooLarge
        If the archive unpacks to more than ``max_bytes``.
    """
    arrays = read_npz(content, max_bytes, MOST_ARRAYS)
    text = arrays.pop(REQUEST, None)
    arrays.pop(ANSWER, None)
    if text is None or text.dtype.kind != "U" or text.size != 1:
        raise MalformedBody(f"the archive needs an entry {REQUEST} that holds the JSON of the request as one text")
    found = parse_json(_utf8(text))
    for name in sorted(arrays, key=by_place):
        place(found, name, as_json(arrays[name], name))
    return found


def _utf8(text: npt.NDArray[Any]) -> bytes:
    """The one text of an array; `MalformedBody` for halves of characters, and for numbers beyond all characters."""
    order = "utf-32-be" if text.dtype.byteorder == ">" else "utf-32-le"
    try:
        return text.tobytes().decode(order).rstrip("\0").encode()
    except UnicodeDecodeError:
        raise MalformedBody(f"the entry {REQUEST} of the archive is not a text") from None
