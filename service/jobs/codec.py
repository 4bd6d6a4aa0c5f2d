"""Values on the wire and in the store: JSON, or ``.npz`` when they hold arrays.  Nothing is ever unpickled.

A value whose arrays are columns of stored chunks names them by hash instead of holding them; `join` puts them in.
"""

import io
import json
import math
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from service.errors import EngineError
from service.jobs.identity import content_hash
from service.jobs.values import Json, Payload
from service.operations.plans.columns import is_column, joined
from service.operations.plans.plan import Result, document_of

JSON: Final = "application/json"
NPZ: Final = "application/x-npz"
BY_REFERENCE: Final = "application/x-npz; columns=stored"
_SKELETON: Final = "__json__"
_REFERENCE: Final = "$array"


class NotEncodableError(ValueError):
    """A value holds something that is neither JSON nor a finite array, with the place."""


class NotFiniteError(NotEncodableError):
    """A value holds a number that is not finite."""


def encoded(result: Result) -> Payload:
    """Encode what a function of a plan has returned; see `encode`."""
    return encode(document_of(result))


def encode(value: Json) -> Payload:
    """Encode a value of nested dicts, lists, scalars and numeric arrays.

    Equal values give equal bytes, so that hashes of results can be compared.

    Raises
    ------
    NotEncodableError
        For NaN, infinities, object arrays and foreign types, naming the place.
    """
    arrays: dict[str, npt.NDArray[np.generic]] = {}
    columns: list[str] = []
    skeleton = _split(value, "", arrays, columns)
    text = json.dumps(skeleton, separators=(",", ":"), allow_nan=False).encode()
    if not arrays and not columns:
        return Payload(JSON, text)
    buffer = io.BytesIO()
    members = {_SKELETON: np.frombuffer(text, dtype=np.uint8), **arrays}
    np.savez(buffer, allow_pickle=False, **members)
    return Payload(BY_REFERENCE if columns else NPZ, buffer.getvalue())


def decode(payload: Payload) -> Json:
    """Invert `encode`."""
    if payload.media_type == JSON:
        return json.loads(payload.body)
    with np.load(io.BytesIO(payload.body), allow_pickle=False) as members:
        skeleton = json.loads(members[_SKELETON].tobytes())
        arrays = {name: members[name] for name in members.files if name != _SKELETON}
    return _join(skeleton, arrays)


def join(payload: Payload, read: Callable[[int], Payload]) -> Payload:
    """Put the columns of stored chunks into a payload that names them; any other payload stays as it is.

    Raises
    ------
    EngineError
        If a chunk is not what its hash says.
    """
    if payload.media_type != BY_REFERENCE:
        return payload

    def checked(part: Mapping[str, Json]) -> Mapping[str, Json]:
        found = read(part["$chunk"])
        if content_hash(found.body) != part["hash"]:
            raise EngineError("the store returned a chunk that differs from what was stored")
        value: Mapping[str, Json] = decode(found)
        return value

    return encode(joined(decode(payload), checked))


def _split(value: Json, place: str, arrays: dict[str, npt.NDArray[np.generic]], columns: list[str]) -> Json:
    if isinstance(value, np.ndarray):
        return _reference(value, place, arrays)
    if isinstance(value, np.generic):
        return _split(value.item(), place, arrays, columns)
    if isinstance(value, Mapping):
        if is_column(value):
            columns.append(place)
        return {str(key): _split(item, f"{place}/{key}", arrays, columns) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_split(item, f"{place}/{number}", arrays, columns) for number, item in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        raise NotFiniteError(f"the value at '{place}' is not a finite number")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise NotEncodableError(f"the value at '{place}' has type {type(value).__name__}, which JSON cannot carry")


def _reference(value: npt.NDArray[np.generic], place: str, arrays: dict[str, npt.NDArray[np.generic]]) -> Json:
    if value.dtype.kind not in "biufU":
        raise NotEncodableError(f"the array at '{place}' has type {value.dtype}")
    if value.dtype.kind == "f" and not np.all(np.isfinite(value)):
        raise NotFiniteError(f"the array at '{place}' holds a number that is not finite")
    name = place.lstrip("/") or "array"
    if name in arrays:
        raise NotEncodableError(f"two arrays share the name '{name}'")
    arrays[name] = value
    return {_REFERENCE: name}


def _join(skeleton: Json, arrays: Mapping[str, npt.NDArray[np.generic]]) -> Json:
    if isinstance(skeleton, dict):
        if set(skeleton) == {_REFERENCE}:
            return arrays[skeleton[_REFERENCE]]
        return {key: _join(item, arrays) for key, item in skeleton.items()}
    if isinstance(skeleton, list):
        return [_join(item, arrays) for item in skeleton]
    return skeleton
