"""Files that are packed as a whole, by gzip or zstandard: unpacked as they are read, and never beyond a bound."""

import sys
import zlib
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, Final

from service.errors import LimitExceeded, MalformedBody, UnsupportedMediaType

READ_BYTES: Final = 1 << 16
BEGINNING: Final = 8
"""Bytes by which kinds of files are told apart."""
GZIP: Final = b"\x1f\x8b"
ZSTANDARD: Final = b"\x28\xb5\x2f\xfd"
LARGEST_WINDOW: Final = 27
"""Binary logarithm of the bytes that zstandard may look back on, which it keeps in memory."""
DAMAGED: Final = "the compressed file is damaged or ends early"
MISSING: Final = (
    "this server unpacks zstandard once it has the extra analytic-minima-server[zstd]; gzip is unpacked by every server"
)


class _Gzip:
    """`zlib` with the rest that it gives back kept, as the other library keeps it."""

    def __init__(self) -> None:
        self._zip = zlib.decompressobj(16 + zlib.MAX_WBITS)

    @property
    def eof(self) -> bool:
        return self._zip.eof

    @property
    def unused_data(self) -> bytes:
        return self._zip.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._zip.unconsumed_tail

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        return self._zip.decompress(self._zip.unconsumed_tail + data, max_length)


def _zstandard() -> tuple[Callable[[], Any], type[Exception]]:
    try:
        if sys.version_info >= (3, 14):
            from compression import zstd  # noqa: PLC0415 - as below
        else:
            from backports import zstd  # noqa: PLC0415 - an extra
    except ImportError:
        raise UnsupportedMediaType(MISSING) from None
    options = {int(zstd.DecompressionParameter.window_log_max): LARGEST_WINDOW}
    return (lambda: zstd.ZstdDecompressor(options=options)), zstd.ZstdError


PACKINGS: Final[Mapping[bytes, Callable[[], tuple[Callable[[], Any], type[Exception]]]]] = {
    GZIP: lambda: (_Gzip, zlib.error),
    ZSTANDARD: _zstandard,
}
"""By the first bytes of a file: what makes an unpacker of one frame, and the error that it raises."""


def unpacked(file: BinaryIO, most: int) -> "Begun":
    """A file as it was before it was packed; as it is if it is not; its first bytes can be looked at.

    Parameters
    ----------
    file : binary stream
    most : int
        Bytes that it may unpack to.

    Raises
    ------
    UnsupportedMediaType
        For zstandard on a server without its library.
    """
    beginning = filled(file.read, 4)
    for mark, library in PACKINGS.items():
        if beginning.startswith(mark):
            plain = _Unpacked(file, beginning, most, *library())
            return Begun(plain, filled(plain.read, BEGINNING))
    return Begun(file, beginning + filled(file.read, BEGINNING - len(beginning)))


class Begun:
    """A file of which the first bytes were read already.

    Attributes
    ----------
    beginning : bytes
        What of them was not read again.
    """

    def __init__(self, file: Any, beginning: bytes) -> None:
        self._file, self.beginning = file, beginning

    def read(self, size: int = -1) -> bytes:
        """Up to ``size`` bytes; all of them without a size; none at the end."""
        if not self.beginning:
            return bytes(self._file.read(size))
        taken = len(self.beginning) if size < 0 else size
        found, self.beginning = self.beginning[:taken], self.beginning[taken:]
        return found + (self._file.read() if size < 0 else b"")

    def readinto(self, room: Any) -> int:
        """Fill some of the room; 0 at the end."""
        if not self.beginning:
            return int(self._file.readinto(room))
        found = self.read(len(room))
        room[: len(found)] = found
        return len(found)


class _Unpacked:
    """What comes out of one frame after another, read as it comes."""

    def __init__(
        self, file: BinaryIO, beginning: bytes, most: int, new: Callable[[], Any], error: type[Exception]
    ) -> None:
        self._file, self._packed = file, beginning
        self._most = self._left = most
        self._new, self._error, self._frame = new, error, new()

    def read(self, size: int = -1) -> bytes:
        """Up to ``size`` bytes; all of them without a size; none at the end.

        Raises
        ------
        MalformedBody
        LimitExceeded
        """
        if size < 0:
            return b"".join(iter(lambda: self.read(READ_BYTES), b""))
        while size:
            packed = self._next()
            if packed is None:
                return b""
            try:
                found: bytes = self._frame.decompress(packed, size)
            except self._error:
                raise MalformedBody(DAMAGED) from None
            self._left -= len(found)
            if self._left < 0:
                raise LimitExceeded((), "max_upload_bytes", self._most, "bytes, unpacked")
            if found:
                return found
        return b""

    def readinto(self, room: memoryview) -> int:
        """Fill some of the room; 0 at the end."""
        found = self.read(len(room))
        room[: len(found)] = found
        return len(found)

    def _next(self) -> bytes | None:
        """Packed bytes for the frame at hand; None at the end of the file."""
        if self._frame.eof:
            # several frames may stand one after the other
            self._packed = self._frame.unused_data or self._file.read(READ_BYTES)
            if not self._packed:
                return None
            self._frame = self._new()
        elif not self._packed and not self._frame.needs_input:
            return b""
        packed = self._packed or self._file.read(READ_BYTES)
        self._packed = b""
        if not packed:
            raise MalformedBody(DAMAGED)
        return packed


def filled(read: Callable[[int], bytes], size: int) -> bytes:
    """So many bytes, or fewer at the end."""
    found = b""
    while len(found) < size and (content := read(size - len(found))):
        found += content
    return found
