"""Arrays in answers: lists in JSON; until they are sent, arrays in memory, or columns that stay where they are stored.

JSON costs about a second for some million numbers, so that a large answer travels as its arrays.  Any type of arrays
that tell their least and greatest entry will do: this floor knows no numerical library.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Protocol, TypeAlias

from pydantic import GetCoreSchemaHandler, SerializationInfo
from pydantic_core import CoreSchema, PydanticCustomError, PydanticKnownError, core_schema

from service.schemas.base import Matrix, Number, Vector

KINDS: Final = {bool: "b", int: "iu", float: "fiu"}
"""Of the entries of a list to the codes of the arrays that may stand for it."""


class Array(Protocol):
    """An array of numbers or truth values."""

    @property
    def dtype(self) -> Any:
        """Type of its entries, of which ``kind`` is read."""
        ...

    @property
    def ndim(self) -> int:
        """Number of axes."""
        ...

    @property
    def size(self) -> int:
        """Number of entries."""
        ...

    def min(self) -> Any:
        """Least entry; NaN if any entry is."""
        ...

    def max(self) -> Any:
        """Greatest entry; NaN if any entry is."""
        ...

    def tolist(self) -> Any:
        """Nested lists."""
        ...


@dataclass(frozen=True, slots=True)
class StoredColumn:
    """An array that is made of the arrays of one name in stored chunks, one after the other.

    Attributes
    ----------
    name : str
    parts : sequence
        Place and hash of each chunk, as `service.operations.plans.columns` makes them.
    """

    name: str
    parts: Sequence[Any]

    def to_json(self) -> Any:
        """What stands in the place of the array until both are put together."""
        return {"$column": self.name, "of": list(self.parts)}


@dataclass(frozen=True, slots=True)
class _InMemory:
    """How a field of lists takes arrays: checked as a whole, and made lists when they are written as JSON."""

    entry: type
    axes: int
    listed: Any

    def __get_pydantic_core_schema__(self, _source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_wrap_validator_function(
            self._checked,
            handler.generate_schema(self.listed),
            serialization=core_schema.plain_serializer_function_ser_schema(_sent, info_arg=True),
        )

    def _checked(self, value: Any, validate: Callable[[Any], Any]) -> Any:
        if isinstance(value, list):
            return validate(value)
        if isinstance(value, StoredColumn):
            return value
        if not hasattr(value, "tolist") or value.ndim != self.axes or value.dtype.kind not in KINDS[self.entry]:
            described = {"axes": self.axes, "entry": self.entry.__name__}
            raise PydanticCustomError("array_type", "must be a list, or an array of {axes} axes, of {entry}", described)
        if value.dtype.kind == "f" and value.size and not (math.isfinite(value.min()) and math.isfinite(value.max())):
            raise PydanticKnownError("finite_number")
        return value


def _sent(value: Any, info: SerializationInfo) -> Any:
    """Lists for JSON; arrays stay arrays elsewhere."""
    if isinstance(value, StoredColumn):
        return value.to_json()
    return value.tolist() if info.mode == "json" and not isinstance(value, list) else value


Numbers: TypeAlias = Annotated[Sequence[float] | Array | StoredColumn, _InMemory(float, 1, list[Number])]
NullableNumbers: TypeAlias = Annotated[
    Sequence[float | None] | Array | StoredColumn, _InMemory(float, 1, list[Number | None])
]
"""Numbers of which some may be missing; an array has all of them."""
Integers: TypeAlias = Annotated[Sequence[int] | Array | StoredColumn, _InMemory(int, 1, list[int])]
Booleans: TypeAlias = Annotated[Sequence[bool] | Array | StoredColumn, _InMemory(bool, 1, list[bool])]
Rows: TypeAlias = Annotated[Sequence[Sequence[float]] | Array, _InMemory(float, 2, list[list[Number]])]
SentMatrix: TypeAlias = Annotated[Sequence[Sequence[float]] | Array, _InMemory(float, 2, Matrix)]
"""A matrix of a request: rows of numbers, or the array of a file that was read."""
SentVector: TypeAlias = Annotated[Sequence[float] | Array, _InMemory(float, 1, Vector)]
