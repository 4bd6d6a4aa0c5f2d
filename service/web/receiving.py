"""A file in a body of any size: streamed to disk and hashed on the way, off the event loop, never in memory."""

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from service.errors import BodyTooLarge, EngineError, MalformedBody, UnsupportedMediaType
from service.operations.uploads.formats import FileFormat, format_of
from service.schemas.datasets import Format
from service.web.bodies import MULTIPART

FLUSH_BYTES: Final = 1 << 20
MAX_HEADERS: Final = 20
PART: Final = "file"


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """A file that was sent, as long as it is being read.

    Attributes
    ----------
    path : str
    format : str
    digest : str
        SHA-256 of its bytes.
    size : int
        Bytes.
    """

    path: str
    format: Format
    digest: str
    size: int


class _Disk:
    """Bytes on their way to a file."""

    def __init__(self, folder: str) -> None:
        self._file = tempfile.NamedTemporaryFile(buffering=0, prefix="minima-upload-", dir=folder or None)  # noqa: SIM115 - closed below
        self._hash = hashlib.sha256()
        self._waiting: list[bytes] = []
        self._bytes = 0
        self.size = 0
        self.path = self._file.name

    async def write(self, content: bytes) -> None:
        self._waiting.append(content)
        self._bytes += len(content)
        self.size += len(content)
        if self._bytes >= FLUSH_BYTES:
            await self.flush()

    async def flush(self) -> None:
        waiting, self._waiting, self._bytes = self._waiting, [], 0
        try:
            await asyncio.to_thread(self._store, b"".join(waiting))
        except OSError as error:
            raise _no_room(error) from error

    def _store(self, content: bytes) -> None:
        self._hash.update(content)
        view = memoryview(content)
        while view:
            view = view[self._file.write(view) :]

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    def close(self) -> None:
        self._file.close()


class _FilePart:
    """The one part of a form: what is its content among the bytes that are fed.

    Raises
    ------
    MalformedBody
        If the form is none, or has another part.
    """

    def __init__(self, content_type: bytes) -> None:
        _, options = parse_options_header(content_type)
        if not options.get(b"boundary"):
            raise MalformedBody("the form has no boundary in its content type")
        self.headers: dict[str, str] = {}
        self.file_name = ""
        self.parts = self._ended = 0
        self._name = self._value = b""
        self._found: list[bytes] = []
        self._parser = MultipartParser(
            options[b"boundary"],
            {
                "on_part_begin": self._begin,
                "on_header_field": self._header_name,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_end,
                "on_part_data": self._data,
                "on_end": self._end,
            },
        )

    def feed(self, content: bytes) -> list[bytes]:
        """What of the file these bytes hold."""
        self._found = []
        try:
            self._parser.write(content)
        except MultipartParseError:
            raise MalformedBody("the body is no readable multipart form") from None
        return self._found

    def finish(self) -> None:
        """Refuse a form that ends early."""
        if not self._ended:
            raise MalformedBody("the form ends early")

    def _begin(self) -> None:
        self.parts += 1
        if self.parts > 1:
            raise MalformedBody(f"the form must have one part, named {PART}; options belong into the query")

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if len(self.headers) >= MAX_HEADERS:
            raise MalformedBody("the part of the form has too many headers")
        self.headers[self._name.decode("latin-1").lower()] = self._value.decode("latin-1")
        self._name = self._value = b""

    def _headers_end(self) -> None:
        _, options = parse_options_header(self.headers.get("content-disposition", ""))
        if options.get(b"name") != PART.encode():
            raise MalformedBody(f"the form must have one part, named {PART}; options belong into the query")
        self.file_name = options.get(b"filename", b"").decode("latin-1")

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._found.append(data[start:end])

    def _end(self) -> None:
        self._ended = 1


@asynccontextmanager
async def receiving(request: Request, max_bytes: int, folder: str) -> AsyncIterator[ReceivedFile]:
    """The file of a request, raw or as the part ``file`` of a form; it is removed when the block ends.

    Raises
    ------
    UnsupportedMediaType
    BodyTooLarge
    MalformedBody
    """
    kind, part = _announced(request.headers, max_bytes)
    try:
        disk = await asyncio.to_thread(_Disk, folder)
    except OSError as error:
        raise _no_room(error) from error
    try:
        received = 0
        async for content in request.stream():
            received += len(content)
            if received > max_bytes:
                raise _too_large(max_bytes)
            for piece in [content] if part is None else part.feed(content):
                await disk.write(piece)
        await disk.flush()
        if part is not None:
            part.finish()
            kind = format_of(part.headers.get("content-type", ""), part.file_name)
        assert kind is not None  # noqa: S101 - a form without its part was refused by now
        yield ReceivedFile(disk.path, kind.name, disk.digest, disk.size)
    finally:
        await asyncio.to_thread(disk.close)


def _announced(headers: Mapping[str, str], max_bytes: int) -> tuple[FileFormat | None, _FilePart | None]:
    content_type = headers.get("content-type", "")
    is_form = content_type.partition(";")[0].strip().lower() == MULTIPART
    kind = None if is_form else format_of(content_type)
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("send the file without a content encoding")
    announced = headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > max_bytes:
        raise _too_large(max_bytes)
    return kind, _FilePart(content_type.encode("latin-1")) if is_form else None


def _no_room(error: OSError) -> EngineError:
    return EngineError(f"the folder for uploads takes no file ({error.strerror})")


def _too_large(max_bytes: int) -> BodyTooLarge:
    return BodyTooLarge(f"the file has more bytes than the limit max_upload_bytes = {max_bytes}")
