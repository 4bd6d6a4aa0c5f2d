"""Zip archives that are opened only once their end record says that the directory is small."""

import struct
import zipfile
import zlib
from typing import BinaryIO, Final

from service.errors import MalformedBody

COMPRESSIONS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# beside damage: zipfile raises NotImplementedError for compressions and versions that it does not know, and
# RuntimeError for a missing password
UNREADABLE: Final = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError)
UNREADABLE_ARCHIVE: Final = "the archive is not a readable .npz file"
MAX_ENTRIES: Final = 100
MAX_NAME: Final = 200
ENTRY_BYTES: Final = 46 + 4 * MAX_NAME + 512
"""Of the directory for one entry: its fixed part, its name, and what tools add beside it."""
# the end record, the locator of the longer one for large archives, and that one, each with its signature
END: Final = struct.Struct("<4s4H2LH")
LOCATOR: Final = struct.Struct("<4sLQL")
LONG_END: Final = struct.Struct("<4sQ2H2L4Q")
UNKNOWN: Final = 2**32 - 1
LONGEST_COMMENT: Final = 2**16 - 1


def opened_archive(file: BinaryIO, most: int = MAX_ENTRIES) -> zipfile.ZipFile:
    """An archive of at most so many entries with short names, none twice; known before the directory is read.

    Raises
    ------
    MalformedBody
    zipfile.BadZipFile
        And the other errors of `UNREADABLE`, if it is none.
    """
    entries, size = _announced(file)
    if entries > most or size > most * ENTRY_BYTES:
        raise MalformedBody(f"the archive has more than {most} entries")
    archive = zipfile.ZipFile(file)
    found = archive.infolist()
    if len(found) > most:
        raise MalformedBody(f"the archive has more than {most} entries")
    if any(len(entry.filename) > MAX_NAME for entry in found):
        raise MalformedBody(f"the archive has an entry whose name is longer than {MAX_NAME} characters")
    if len({entry.filename for entry in found}) < len(found):
        raise MalformedBody("the archive has two entries of one name")
    return archive


def _announced(file: BinaryIO) -> tuple[int, int]:
    """Number of entries and bytes of the directory by the end record that `zipfile` will use, found as it does."""
    end = file.seek(0, 2)
    first = max(0, end - LONGEST_COMMENT - END.size)
    file.seek(first)
    tail = file.read()
    # without a comment the record is the last thing there is
    plain = tail[-END.size :]
    at = len(tail) - END.size if plain[:4] == b"PK\x05\x06" and plain[-2:] == b"\0\0" else tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < END.size:
        raise zipfile.BadZipFile
    _, _, _, _, entries, size, _, _ = END.unpack_from(tail, at)
    place = first + at - LOCATOR.size - LONG_END.size
    if place < 0:
        return entries, size
    file.seek(place)
    before = file.read(LOCATOR.size + LONG_END.size)
    if before[LONG_END.size :][:4] != b"PK\x06\x07" or before[:4] != b"PK\x06\x06":
        return entries, size
    long = LONG_END.unpack_from(before)
    # a short record that knows the size is not outdone by a longer one that says less
    return max(long[7], entries % (2**16 - 1)), max(long[8], size % UNKNOWN)
