"""The explicit table of the formats of models, told apart by their first bytes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from service.errors import UnsupportedMediaType
from service.operations.model_files.found import FoundModel
from service.operations.model_files.hints import Hints
from service.operations.model_files.named_files import read_named_npz, read_safetensors
from service.operations.model_files.onnx_file import read_onnx
from service.operations.model_files.unopened import refuse_unopened


@dataclass(frozen=True, slots=True)
class ModelFormat:
    """A row of the table.

    Attributes
    ----------
    name : str
    looks_like_it : callable
        Whether the bytes of a file may be of this format.
    read : callable
        ``read(content, hints, max_bytes)``; ``max_bytes`` bounds what an archive unpacks to.
    """

    name: str
    looks_like_it: Callable[[bytes], bool]
    read: Callable[[bytes, Hints, int], FoundModel]


MODEL_FORMATS: Final[tuple[ModelFormat, ...]] = (
    ModelFormat("npz", lambda content: content.startswith(b"PK"), read_named_npz),
    ModelFormat("safetensors", lambda content: content[8:9] == b"{", read_safetensors),
    # a protocol buffer has no signature: its first field is the version
    ModelFormat("onnx", lambda content: content[:1] == b"\x08", lambda content, _hints, _max: read_onnx(content)),
)


def read_model(content: bytes, hints: Hints, max_bytes: int) -> FoundModel:
    """The model in the bytes of a file.

    Parameters
    ----------
    content : bytes
    hints : Hints
    max_bytes : int
        Bytes of an archive once it is unpacked.

    Raises
    ------
    UnsupportedMediaType
        If the format is not known, or never opened, or needs an extra that is not installed.
    MalformedBody, BodyTooLarge, InputError
        Whatever its reader refuses.
    """
    refuse_unopened(content)
    for row in MODEL_FORMATS:
        if row.looks_like_it(content):
            return row.read(content, hints, max_bytes)
    raise UnsupportedMediaType(
        f"send a model as {', '.join(row.name for row in MODEL_FORMATS)}; this file is none of them"
    )
