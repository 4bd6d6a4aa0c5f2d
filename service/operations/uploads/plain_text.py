"""Bytes of a text table as UTF-8 with one kind of line end, whatever they were encoded in."""

import codecs
from collections.abc import Callable
from typing import Any, BinaryIO, Final, cast

from service.operations.uploads.packed import filled
from service.schemas.datasets import Encoding

READ_BYTES: Final = 1 << 16
MARKS: Final[tuple[tuple[bytes, Encoding], ...]] = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


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
    """

    def __init__(self, file: BinaryIO, encoding: Encoding | None) -> None:
        self._read: Callable[[int], bytes] = file.read
        self._into: Callable[[memoryview], int] = cast("Any", file).readinto
        beginning = filled(self._read, 4)
        mark, marked = next(((mark, name) for mark, name in MARKS if beginning.startswith(mark)), (b"", None))
        beginning += filled(self._read, READ_BYTES)
        self.encoding: Encoding = encoding or marked or _guessed(beginning)
        self._decode: Callable[[bytes, bool], str] | None = None
        if self.encoding != "utf-8":
            name = "cp1252" if self.encoding == "latin-1" else _byte_order(beginning, mark)
            self._decode = codecs.getincrementaldecoder(name)(errors="replace").decode
        self._returns = b"\r" in beginning and b"\n" not in beginning and self.encoding != "utf-16"
        self._held = self._converted(beginning[len(mark) :], last=False)

    def readinto(self, room: memoryview) -> int:
        """Fill some of the room; 0 at the end."""
        if not self._held and self._decode is None and not self._returns:
            # nothing is changed, so that nothing need be copied
            return self._into(room)
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
