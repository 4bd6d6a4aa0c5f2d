"""Files of arrays by name: safetensors, and npz as ``numpy.savez`` writes state dicts and lists of weights."""

from collections.abc import Mapping
from operator import itemgetter
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import safetensors

from service.errors import InputError, MalformedBody
from service.operations.model_files.chains import chained
from service.operations.model_files.found import FoundModel
from service.operations.model_files.hints import Hints
from service.operations.model_files.named import taken_apart
from service.operations.uploads.in_memory import MOST_ARRAYS, read_npz

TYPES: Final[Mapping[str, str]] = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "<i1",
    "U8": "<u1",
}
"""Types of safetensors that numpy has; BF16 is the upper half of F32."""


def read_safetensors(content: bytes, hints: Hints, _max_bytes: int) -> FoundModel:
    """The layers of a state dict; the file does not keep their order, so that names and shapes do.

    Raises
    ------
    MalformedBody, InputError
    """
    return _model("safetensors", safetensors_arrays(content), hints, ordered=False)


def safetensors_arrays(content: bytes) -> dict[str, npt.NDArray[Any]]:
    """The arrays of a safetensors file, of any shapes, by their names, sorted.

    Raises
    ------
    MalformedBody, InputError
    """
    try:
        entries = safetensors.deserialize(content)  # type: ignore[no-untyped-call]  # ships few types
    except safetensors.SafetensorError as error:
        raise MalformedBody("the model is not a readable safetensors file") from error
    if len(entries) > MOST_ARRAYS:
        raise InputError.at(("model",), f"has more than {MOST_ARRAYS} arrays")
    return {name: _array(name, entry) for name, entry in sorted(entries, key=itemgetter(0))}


def read_named_npz(content: bytes, hints: Hints, max_bytes: int) -> FoundModel:
    """The layers of an archive, in its order.

    Raises
    ------
    MalformedBody, BodyTooLarge, InputError
    """
    return _model("npz", read_npz(content, max_bytes, MOST_ARRAYS), hints, ordered=True)


def _model(form: str, arrays: Mapping[str, npt.NDArray[Any]], hints: Hints, *, ordered: bool) -> FoundModel:
    parts = taken_apart(arrays)
    return FoundModel(form, chained(parts, hints, ordered=ordered), tuple(parts.ignored))


def _array(name: str, entry: Mapping[str, Any]) -> npt.NDArray[Any]:
    kind, shape, data = entry["dtype"], entry["shape"], entry["data"]
    if kind == "BF16":
        return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32).reshape(shape)
    if kind not in TYPES:
        raise InputError.at(("model",), f"holds {name[:80]} of type {kind}, where real numbers are expected")
    return np.frombuffer(data, TYPES[kind]).reshape(shape)
