"""Errors of a part, reported as errors of the whole."""

from collections.abc import Iterator
from contextlib import contextmanager

from service.errors import FieldError, InputError, Location, NotCovered, NumericalError


@contextmanager
def located(prefix: Location) -> Iterator[None]:
    """Put ``prefix`` before the locations of an `InputError` that leaves the block."""
    try:
        yield
    except InputError as error:
        error.fields = tuple(FieldError((*prefix, *item.location), item.detail) for item in error.fields)
        raise


@contextmanager
def numbered(index: int) -> Iterator[None]:
    """Say which problem of a batch an error is about."""
    try:
        yield
    except (NotCovered, NumericalError) as error:
        error.detail = f"problem {index} of the batch: {error.detail}"
        raise
