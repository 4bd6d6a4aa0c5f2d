"""Errors of a part, reported as errors of the whole.

Plain classes, not generators: every problem of a batch passes through several of them.
"""

from types import TracebackType
from typing import Literal

from service.errors import FieldError, InputError, Location, NotCovered, NumericalError


class located:  # noqa: N801 - read as a statement
    """Put ``prefix`` before the locations of an `InputError` that leaves the block."""

    __slots__ = ("_prefix",)

    def __init__(self, prefix: Location) -> None:
        self._prefix = prefix

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> Literal[False]:
        if isinstance(error, InputError):
            error.fields = tuple(FieldError((*self._prefix, *item.location), item.detail) for item in error.fields)
        return False


class numbered:  # noqa: N801 - read as a statement
    """Say which problem of a batch an error is about."""

    __slots__ = ("_index",)

    def __init__(self, index: int) -> None:
        self._index = index

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> Literal[False]:
        if isinstance(error, NotCovered | NumericalError):
            error.detail = f"problem {self._index} of the batch: {error.detail}"
        return False
