"""Bodies, read once: bytes within the limit, then JSON, ``.npz`` or multipart to one JSON-like document."""

from collections.abc import AsyncGenerator, Collection
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from service.errors import BodyTooLarge, MalformedBody, UnsupportedEncoding, UnsupportedMediaType
from service.operations.model_files.sent import FILES, HINTS, MODEL, SentModel
from service.operations.uploads.in_memory import MOST_ARRAYS, read_npy, read_npz
from service.settings import Settings
from service.web.bodies.arriving import Arrival
from service.web.bodies.documents import from_npz, parse_json
from service.web.bodies.npz import announced_bytes, as_json, by_place, place

JSON: Final = "application/json"
NPZ: Final = "application/x-npz"
MULTIPART: Final = "multipart/form-data"
MAX_PARTS: Final = 100
# measured on one core, with what follows from a document: validation, arrays, errors
PER_FIELD_S: Final = 3e-6
PER_ARRAY_S: Final = 1e-6
PER_ENTRY_S: Final = 2e-7
PER_BYTE_S: Final = 5e-9
LARGE_S: Final = 8e-3
"""Above it a body is read in a process of its own."""
ARCHIVE: Final = b"PK\x03\x04"
MODEL_PART: Final = b'name="model"'
NOTHING: Final = b"{}"


@dataclass(frozen=True, slots=True)
class Body:
    """The bytes of a body and the header that says what they are."""

    content: bytes | bytearray
    content_type: str


def is_large(body: Body, large_bytes: int, max_bytes: int) -> bool:
    """Whether reading a body takes long: by what it is made of, or by what an archive unpacks to.

    Raises
    ------
    BodyTooLarge
        If an archive announces more than ``max_bytes``; nothing is unpacked for that.
    """
    if len(body.content) > large_bytes:
        return True
    content, kind = bytes(body.content), _kind(body.content_type)
    if kind == JSON and len(content) * PER_FIELD_S <= LARGE_S:
        # however it is made, there are not enough bytes
        return False
    if kind == NPZ:
        announced = announced_bytes(content)
        if announced > max_bytes:
            raise _too_large(max_bytes)
        return announced > large_bytes or reading_s(content) > LARGE_S
    # what an archive inside a form unpacks to is not known before the form is read; models need libraries of their own
    return reading_s(content) > LARGE_S or (kind == MULTIPART and (ARCHIVE in content or MODEL_PART in content))


def reading_s(content: bytes) -> float:
    """Seconds, about, to parse and validate a document of these bytes, or to refuse it: fields cost most."""
    marks = PER_FIELD_S * (content.count(b":") + content.count(b"{")) + PER_ENTRY_S * content.count(b",")
    return marks + PER_ARRAY_S * content.count(b"[") + PER_BYTE_S * len(content)


async def read_body(request: Request, settings: Settings) -> Body:
    """The bytes of a body that may be read.

    Raises
    ------
    UnsupportedMediaType
    BodyTooLarge
    BodyTooSlow
    """
    content_type = _content_type(request)
    return Body(await _read(request, settings), content_type)


async def document(body: Body, max_bytes: int) -> object:
    """A body as JSON-like values; arrays that came in binary form are nested lists.

    Raises
    ------
    MalformedBody
    BodyTooLarge
        If an archive unpacks to more than ``max_bytes``.
    """
    content, kind = bytes(body.content), _kind(body.content_type)
    if kind == JSON:
        return parse_json(content)
    if kind == NPZ:
        return from_npz(content, max_bytes)
    return await _from_multipart(Body(content, body.content_type), max_bytes)


def _kind(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _content_type(request: Request) -> str:
    headers = request.headers
    content_type = headers.get("content-type", "")
    kind, parameters = _kind(content_type), content_type.partition(";")[2]
    if kind not in (JSON, NPZ, MULTIPART):
        raise UnsupportedMediaType(f"send the body with the header content-type: {JSON} (or {NPZ}, or {MULTIPART})")
    check_encoding(headers)
    if kind == JSON and "charset" in parameters.lower() and "utf-8" not in parameters.lower():
        raise UnsupportedMediaType("send JSON as UTF-8")
    return content_type


def check_encoding(headers: Headers, known: Collection[str] = ()) -> None:
    """Refuse whatever is packed, by one coding or several, in one line of the header or several.

    Parameters
    ----------
    headers : Headers
    known : collection of str
        Codings of which one is read.

    Raises
    ------
    UnsupportedEncoding
    """
    sent = ",".join(headers.getlist("content-encoding")).split(",")
    codings = [coding.strip().lower() for coding in sent if coding.strip().lower() not in ("", "identity")]
    if codings and (len(codings) > 1 or codings[0] not in known):
        but = f" but {' or '.join(known)}" if known else ""
        raise UnsupportedEncoding(f"send the body without a content encoding{but}")


async def _read(request: Request, settings: Settings) -> bytes | bytearray:
    max_bytes = settings.max_body_bytes
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > max_bytes:
        raise _too_large(max_bytes)
    content = bytearray()
    async for chunk in Arrival(request, settings).pieces():
        if len(content) + len(chunk) > max_bytes:
            raise _too_large(max_bytes)
        content += chunk
    # a copy of what is large would hold the event loop; the process that reads it makes one
    return content if len(content) > settings.large_body_bytes else bytes(content)


def _too_large(max_bytes: int) -> BodyTooLarge:
    return BodyTooLarge(f"the body, as sent or unpacked, has more bytes than the limit max_body_bytes = {max_bytes}")


async def _from_multipart(body: Body, max_bytes: int) -> object:
    """A part ``problem`` with JSON; further parts are ``.npy`` files named by path, or ``.npz`` files of such.

    A part ``model`` is the file of a model, with what it does not say as parts beside it; it may stand alone.
    """
    parts = await _parts(body, max_bytes)
    text = parts.pop("problem", NOTHING if MODEL in parts else None)
    if text is None:
        raise MalformedBody("the form needs a part `problem` that holds the JSON of the request")
    found = parse_json(text)
    model = parts.pop(MODEL, None)
    if model is not None:
        place(found, MODEL, SentModel(model, {name: parts.pop(name) for name in (*HINTS, *FILES) if name in parts}))
    left = max_bytes
    for name in sorted(parts, key=by_place):
        part = parts[name]
        if part.startswith(b"PK"):
            arrays = read_npz(part, left, MOST_ARRAYS)
            left -= sum(array.nbytes for array in arrays.values())
        else:
            arrays = {name: read_npy(part, name)}
        for path in sorted(arrays, key=by_place):
            place(found, path, as_json(arrays[path], path))
    return found


async def _parts(body: Body, max_bytes: int) -> dict[str, bytes]:
    async def stream() -> AsyncGenerator[bytes, None]:
        yield bytes(body.content)

    parser = MultiPartParser(
        Headers({"content-type": body.content_type}),
        stream(),
        max_files=MAX_PARTS,
        max_fields=MAX_PARTS,
        max_part_size=max_bytes,
    )
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError) as error:
        raise MalformedBody("the body is not a readable multipart form") from error
    parts: dict[str, bytes] = {}
    try:
        for name, value in form.multi_items():
            if name in parts:
                raise MalformedBody(f"the form has two parts {name}")
            parts[name] = await value.read() if isinstance(value, UploadFile) else value.encode()
    finally:
        await form.close()
    return parts
