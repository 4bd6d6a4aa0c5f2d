"""A file in a body of any size, raw or in a form, piece by piece."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.datastructures import Headers
from starlette.requests import Request

from service.errors import BodyTooLarge, MalformedBody
from service.operations.uploads.formats import FileFormat, format_of
from service.web.bodies.arriving import Arrival
from service.web.bodies.reading import MULTIPART, check_encoding

MAX_HEADERS: Final = 20
PART: Final = "file"
ONE_PART: Final = f"the form must have one part, named {PART}; send options in the query"


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """A file that is being received.

    Attributes
    ----------
    format : FileFormat
    pieces : async iterator of bytes
        To be gone through once; raises what `receiving` does.
    """

    format: FileFormat
    pieces: AsyncIterator[bytes]


class _FilePart:
    """The one part of a form: what is its content among the bytes that are fed.

    Raises
    ------
    MalformedBody
        If the body is not a form, or has another part.
    """

    def __init__(self, content_type: bytes) -> None:
        _, options = parse_options_header(content_type)
        if not options.get(b"boundary"):
            raise MalformedBody("the form has no boundary in its content type")
        self.headers: dict[str, str] = {}
        self.file_name = ""
        self.begun = False
        self._parts = self._ended = 0
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
            raise MalformedBody("the body is not a readable multipart form") from None
        return self._found

    def finish(self) -> None:
        """Refuse a form that ends early."""
        if not self._ended:
            raise MalformedBody("the form ends early")

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > 1:
            raise MalformedBody(ONE_PART)

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
            raise MalformedBody(ONE_PART)
        self.file_name = options.get(b"filename", b"").decode("latin-1")
        self.begun = True

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._found.append(data[start:end])

    def _end(self) -> None:
        self._ended = 1


async def receiving(request: Request, arrival: Arrival, max_bytes: int) -> ReceivedFile:
    """The file of a request, raw or as the part ``file`` of a form, as soon as its format is known.

    Raises
    ------
    UnsupportedMediaType
    BodyTooLarge
    BodyTooSlow
    MalformedBody
    """
    announced = _announced(request.headers, max_bytes)
    body = _limited(arrival, max_bytes)
    if isinstance(announced, FileFormat):
        return ReceivedFile(announced, body)
    part, first = announced, list[bytes]()
    while not part.begun:
        content = await anext(body, None)
        if content is None:
            part.finish()
            raise MalformedBody(ONE_PART)
        first += part.feed(content)
    return ReceivedFile(format_of(part.headers.get("content-type", ""), part.file_name), _content(part, first, body))


async def _limited(arrival: Arrival, max_bytes: int) -> AsyncIterator[bytes]:
    received = 0
    async for content in arrival.pieces():
        received += len(content)
        if received > max_bytes:
            raise _too_large(max_bytes)
        if content:
            yield content


async def _content(part: _FilePart, first: list[bytes], body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    for piece in first:
        yield piece
    async for content in body:
        for piece in part.feed(content):
            yield piece
    part.finish()


def _announced(headers: Headers, max_bytes: int) -> FileFormat | _FilePart:
    content_type = headers.get("content-type", "")
    is_form = content_type.partition(";")[0].strip().lower() == MULTIPART
    found = _FilePart(content_type.encode("latin-1")) if is_form else format_of(content_type)
    # what is packed is known by its first bytes, whatever the header says
    check_encoding(headers, ("gzip", "zstd") if isinstance(found, FileFormat) else ())
    announced = headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > max_bytes:
        raise _too_large(max_bytes)
    return found


def _too_large(max_bytes: int) -> BodyTooLarge:
    return BodyTooLarge(f"the file has more bytes than the limit max_upload_bytes = {max_bytes}")
