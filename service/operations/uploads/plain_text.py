"""Bytes of a text table as UTF-8 with one kind of line end, whatever they were packed and encoded in."""

import codecs
import zlib
from collections.abc import Callable
from typing import BinaryIO, Final

from service.errors import LimitExceeded, MalformedBody, UnsupportedMediaType
from service.schemas.datasets import Encoding

READ_BYTES: Final = 1 << 16
GZIP: Final = b"\x1f\x8b"
ZSTANDARD: Final = b"\x28\xb5\x2f\xfd"
MARKS: Final[tuple[tuple[bytes, Encoding], ...]] = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
UNPACKED: Final = "the compressed file is damaged or ends early"


class Unpacked:
    """A gzip file as it was before it was packed, read as it comes.

    Parameters
    ----------
    file : binary stream
    beginning : bytes
        Of the file, read already.
    most : int
        Bytes that it may unpack to.
    """

    def __init__(self, file: BinaryIO, beginning: bytes, most: int) -> None:
        self._file, self._packed = file, beginning
        self._most = self._left = most
        self._zip = zlib.decompressobj(16 + zlib.MAX_WBITS)

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes; none at the end.

        Raises
        ------
        MalformedBody
        LimitExceeded
        """
        while True:
            if self._zip.eof:
                # several files may stand one after the other
                packed = self._zip.unused_data or self._file.read(READ_BYTES)
                if not packed:
                    return b""
                self._zip = zlib.decompressobj(16 + zlib.MAX_WBITS)
            else:
                packed = self._packed or self._zip.unconsumed_tail or self._file.read(READ_BYTES)
                if not packed:
                    raise MalformedBody(UNPACKED)
            self._packed = b""
            try:
                found = self._zip.decompress(packed, size)
            except zlib.error:
                raise MalformedBody(UNPACKED) from None
            self._left -= len(found)
            if self._left < 0:
                raise LimitExceeded((), "max_upload_bytes", self._most, "bytes, unpacked")
            if found:
                return found


class PlainText:
    """A text file as UTF-8 without a mark, its lines ended by line feeds.

    Attributes
    ----------
    encoding : str
        In which it came.

    Parameters
    ----------
    file : binary stream
    encoding : str or None
        None: as its beginning says.
    most_bytes : int
        That a packed file may unpack to.
    """

    def __init__(self, file: BinaryIO, encoding: Encoding | None, most_bytes: int) -> None:
        beginning = _filled(file.read, 4)
        read: Callable[[int], bytes] = file.read
        if beginning.startswith(ZSTANDARD):
            raise UnsupportedMediaType("unpack the file, or send it as gzip: zstandard is not read")
        if beginning.startswith(GZIP):
            read = Unpacked(file, beginning, most_bytes).read
            beginning = _filled(read, 4)
        self._read = read
        mark, marked = next(((mark, name) for mark, name in MARKS if beginning.startswith(mark)), (b"", None))
        beginning += _filled(read, READ_BYTES)
        self.encoding: Encoding = encoding or marked or _guessed(beginning)
        self._decode: Callable[[bytes, bool], str] | None = None
        if self.encoding != "utf-8":
            name = "cp1252" if self.encoding == "latin-1" else _byte_order(beginning, mark)
            self._decode = codecs.getincrementaldecoder(name)(errors="replace").decode
        self._returns = b"\r" in beginning and b"\n" not in beginning and self.encoding != "utf-16"
        self._held = self._converted(beginning[len(mark) :], last=False)

    def readinto(self, room: memoryview) -> int:
        """Fill some of the room; 0 at the end."""
        while not self._held:
            content = self._read(READ_BYTES if self._decode else len(room))
            self._held = self._converted(content, last=not content)
            if not content:
                break
        part = self._held[: len(room)]
        room[: len(part)] = part
        self._held = self._held[len(part) :]
        return len(part)

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes, as many as there are."""
        room = bytearray(size)
        filled = 0
        view = memoryview(room)
        while filled < size and (got := self.readinto(view[filled:])):
            filled += got
        return bytes(room[:filled])

    def _converted(self, content: bytes, *, last: bool) -> bytes:
        if self._decode is not None:
            content = self._decode(content, last).encode()
        return content.replace(b"\r", b"\n") if self._returns else content


def _filled(read: Callable[[int], bytes], size: int) -> bytes:
    """So many bytes, or fewer at the end."""
    found = b""
    while len(found) < size and (content := read(size - len(found))):
        found += content
    return found


def _byte_order(beginning: bytes, mark: bytes) -> str:
    if mark:
        return "utf-16-be" if mark == codecs.BOM_UTF16_BE else "utf-16-le"
    return "utf-16-be" if beginning[:1] == b"\0" else "utf-16-le"


def _guessed(beginning: bytes) -> Encoding:
    """UTF-8 if the beginning is, UTF-16 if every second byte is zero, else Latin-1 as Windows has it."""
    if len(beginning) > 1 and (beginning[1:64:2].count(0) > 16 or beginning[0:64:2].count(0) > 16):
        return "utf-16"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(beginning, False)
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"
