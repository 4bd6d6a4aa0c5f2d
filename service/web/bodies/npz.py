"""Arrays in and out of ``.npy`` and ``.npz``, without pickle and without trust in any announced size."""

import io
import zipfile
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from service.errors import BodyTooLarge, MalformedBody
from service.operations.uploads.archives import COMPRESSIONS, UNREADABLE, UNREADABLE_ARCHIVE, opened_archive
from service.operations.uploads.npy_file import NUMERIC_KINDS, read_header

MAX_STEPS: Final = 12
MAX_DIGITS: Final = 9
REQUEST: Final = "request"
ANSWER: Final = "answer"


def read_npy(data: bytes, name: str) -> npt.NDArray[Any]:
    """One array; nothing is allocated before the header agrees with the number of bytes.

    Raises
    ------
    MalformedBody
        If the bytes are no ``.npy`` file, or hold objects or anything else but numbers or text.
    """
    stream = io.BytesIO(data)
    header = read_header(stream, name)
    rest = data[stream.tell() :]
    if header.bytes != len(rest):
        raise MalformedBody(f"the array {name} has a number of bytes that differs from its header")
    if not rest:
        return np.zeros(header.shape, header.dtype)
    array = np.frombuffer(rest, dtype=header.dtype)
    return array.reshape(header.shape, order="F" if header.fortran_order else "C")


def read_npz(data: bytes, max_bytes: int) -> dict[str, npt.NDArray[Any]]:
    """The arrays of an archive by name, unpacked to at most ``max_bytes`` in total.

    Raises
    ------
    MalformedBody
    BodyTooLarge
    """
    arrays: dict[str, npt.NDArray[Any]] = {}
    left = max_bytes
    try:
        with opened_archive(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if sum(entry.file_size for entry in entries) > max_bytes:
                raise _too_large()
            for entry in entries:
                content = _unpack(archive, entry, left)
                left -= len(content)
                name = entry.filename.removesuffix(".npy")
                arrays[name] = read_npy(content, name)
    except UNREADABLE as error:
        raise MalformedBody(UNREADABLE_ARCHIVE) from error
    return arrays


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, left: int) -> bytes:
    if entry.compress_type not in COMPRESSIONS:
        raise MalformedBody("the archive uses a compression other than deflate")
    # where the announced size lies, no more than announced is unpacked, and the checksum fails
    with archive.open(entry) as stream:
        content = stream.read(left + 1)
    if len(content) > left:
        raise _too_large()
    return content


def _too_large() -> BodyTooLarge:
    return BodyTooLarge("the unpacked archive has more bytes than the limit max_body_bytes")


def announced_bytes(data: bytes) -> int:
    """Bytes of an archive once it is unpacked, and 0 if it is not one; nothing is unpacked."""
    try:
        with opened_archive(io.BytesIO(data)) as archive:
            return sum(entry.file_size for entry in archive.infolist())
    except (*UNREADABLE, MalformedBody):
        return 0


def as_json(array: npt.NDArray[Any], name: str) -> object:
    """An array as nested lists of numbers."""
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
    """An uncompressed archive of ``arrays`` and, as the entry ``answer``, a JSON text."""
    stream = io.BytesIO()
    np.savez(stream, answer=np.array(document.decode()), **arrays)  # type: ignore[arg-type]  # names are arrays, not allow_pickle
    return stream.getvalue()
