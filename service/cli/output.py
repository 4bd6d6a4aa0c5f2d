"""Answers on a terminal as tables, elsewhere as JSON."""

import sys
from typing import Final

from rich.console import Console

from service.schemas.base import Wire

DIGITS: Final = ".9g"


def print_json(answer: Wire) -> None:
    """The bytes that the service would send, and a line break."""
    print_bytes(answer.__pydantic_serializer__.to_json(answer, exclude_unset=True))


def print_bytes(content: bytes) -> None:
    """JSON as it is, and a line break."""
    sys.stdout.buffer.write(content + b"\n")
    sys.stdout.buffer.flush()


def wants_json(*, asked: bool) -> bool:
    """Whether to write JSON: if asked for, or if nobody is reading along."""
    return asked or not sys.stdout.isatty()


def print_summary(sentences: list[str], console: Console) -> None:
    """The sentences of an answer, before its tables."""
    for sentence in sentences:
        console.print(sentence, markup=False, highlight=False)
    console.print()


def number(value: float) -> str:
    """A number as tables show it."""
    return format(value, DIGITS)
