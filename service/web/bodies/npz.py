"""Arrays in and out of ``.npy`` and ``.npz``, without pickle and without trust in any announced size."""

import io
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from service.errors import MalformedBody
from service.operations.uploads.archives import UNREADABLE, opened_archive
from service.operations.uploads.in_memory import MOST_ARRAYS
from service.operations.uploads.npy_file import NUMERIC_KINDS

MAX_STEPS: Final = 12
MAX_DIGITS: Final = 9
REQUEST: Final = "request"
ANSWER: Final = "answer"


def announced_bytes(data: bytes) -> int:
    """Bytes of an archive once it is unpacked, and 0 if it is not one; nothing is unpacked."""
    try:
        with opened_archive(io.BytesIO(data), MOST_ARRAYS) as archive:
            return sum(entry.file_size for entry in archive.infolist())
    except (*UNREADABLE, MalformedBody):
        return 0


def as_json(array: npt.NDArray[Any], name: str) -> object:
    """An array of any shape as nested lists of numbers."""
    if array.dtype.kind not in NUMERIC_KINDS:
        raise MalformedBody(f"the array {name} holds text; only the entry {REQUEST} may")
    if array.dtype.kind == "f":
        # the wire is double precision; what overflows becomes infinite and is refused by name later
        with np.errstate(over="ignore"):
            array = array.astype(np.float64)
    return array.tolist()


def place(document: object, path: str, value: object) -> None:
    """Put ``value`` at a dotted path of a JSON document, for example ``data.x`` or ``weights.0``.

    Raises
    ------
    MalformedBody
        If a parent is missing, something but null stands there already, or a list would have a gap.
    """
    steps = path.split(".")
    if len(steps) > MAX_STEPS or any(len(step) > MAX_DIGITS for step in steps if step.isdecimal()):
        raise MalformedBody("an array has a name that does not belong to any field of a request")
    at = document
    for step, following in pairwise(steps):
        if isinstance(at, list) and step.isdecimal() and int(step) < len(at):
            at = at[int(step)]
        elif isinstance(at, dict):
            at = at.setdefault(step, [] if following.isdecimal() else {})
        else:
            raise MalformedBody(f"the array {path} does not belong to any field of the request")
    last = steps[-1]
    if isinstance(at, dict) and last not in at:
        at[last] = value
    elif isinstance(at, list) and last.isdecimal() and int(last) == len(at):
        at.append(value)
    elif isinstance(at, list) and last.isdecimal() and int(last) < len(at) and at[int(last)] is None:
        at[int(last)] = value
    else:
        raise MalformedBody(f"the array {path} does not belong to any field of the request, or is given twice")


def by_place(name: str) -> list[tuple[bool, int, str]]:
    """Sorting key of dotted paths in which entries of lists follow their numbers; none is made of its digits."""
    return [(step.isdecimal(), len(step) if step.isdecimal() else 0, step) for step in name.split(".")]


def write_npz(arrays: Mapping[str, npt.NDArray[Any]], document: bytes) -> bytes:
    """An uncompressed archive of ``arrays``, of any shapes, and, as the entry ``answer``, a JSON text."""
    stream = io.BytesIO()
    np.savez(stream, answer=np.array(document.decode()), **arrays)  # type: ignore[arg-type]  # names are arrays, not allow_pickle
    return stream.getvalue()
