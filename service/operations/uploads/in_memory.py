"""Arrays out of ``.npy`` and ``.npz`` in memory, without pickle and without trust in any announced size."""

import io
import zipfile
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from service.errors import BodyTooLarge, MalformedBody
from service.operations.uploads.archives import (
    COMPRESSIONS,
    MAX_ENTRIES,
    UNREADABLE,
    UNREADABLE_ARCHIVE,
    opened_archive,
)
from service.operations.uploads.npy_file import read_header


def read_npy(data: bytes, name: str) -> npt.NDArray[Any]:
    """One array, in the shape of its header; nothing is allocated before the header agrees with the number of bytes.

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


MOST_ARRAYS: Final = 4_000
"""Entries of an archive that holds the arrays of many layers."""


def read_npz(data: bytes, max_bytes: int, max_entries: int = MAX_ENTRIES) -> dict[str, npt.NDArray[Any]]:
    """The arrays of an archive by name, in the shapes of their headers.

    There may be ``max_entries`` of them, unpacked to ``max_bytes`` in all.

    Raises
    ------
    MalformedBody
    BodyTooLarge
    """
    arrays: dict[str, npt.NDArray[Any]] = {}
    left = max_bytes
    try:
        with opened_archive(io.BytesIO(data), max_entries) as archive:
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
