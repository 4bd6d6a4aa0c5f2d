"""Arrays of an answer that stay where chunks are stored: references to chunks, columns of them, and both put together.

Also arrays as JSON: what is not finite there is null.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from service.core.ground.numbers.arrays import FloatArray
from service.operations.plans.plan import Json
from service.schemas.arrays import Numbers, Rows


def reference(index: int, digest: str) -> Json:
    """What a reducer receives for a chunk whose arrays stay where they are: its place and the hash of its result."""
    return {"$chunk": index, "hash": digest}


def is_column(value: Json) -> bool:
    """Whether a value stands for a `StoredColumn`."""
    return isinstance(value, Mapping) and value.keys() == {"$column", "of"}


def joined(answer: Json, read: Callable[[Json], Mapping[str, Json]]) -> Json:
    """The answer with the arrays in the place of its columns; ``read`` is called once for each reference."""
    values: dict[int, Mapping[str, Json]] = {}

    def put(value: Json) -> Json:
        if is_column(value):
            for part in value["of"]:
                if part["$chunk"] not in values:
                    values[part["$chunk"]] = read(part)
            return np.concatenate([np.asarray(values[part["$chunk"]][value["$column"]]) for part in value["of"]])
        if isinstance(value, Mapping):
            return {key: put(item) for key, item in value.items()}
        return [put(item) for item in value] if isinstance(value, list) else value

    return put(answer)


def numbers(values: Numbers | Rows) -> FloatArray:
    """What a chunk has found as an array: (m,), or (m, k) of rows."""
    given: Any = values
    return np.asarray(given, dtype=np.float64)


def plain(value: Json) -> Json:
    """The value with every array as nested lists, ready for JSON."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def with_nulls(values: npt.NDArray[Any]) -> Json:
    """Nested lists, of the shape of the array, in which what is not finite is null."""
    if values.dtype.kind in "UO":
        return values.tolist()
    whole = np.isfinite(values)
    if whole.all():
        return values.tolist()
    boxed = values.astype(object)
    boxed[~whole] = None
    return boxed.tolist()
