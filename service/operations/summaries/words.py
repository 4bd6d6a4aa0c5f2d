"""Numbers and lists in sentences."""

from collections.abc import Sequence
from typing import Final

SMALL_NUMBERS: Final = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")

THOUSAND: Final = 1e3
MILLION: Final = 1e6


def figure(value: float) -> str:
    """A number to three digits, as people read it."""
    said = f"{value:.3g}"
    return f"{float(said):,.0f}" if THOUSAND <= abs(value) < MILLION else said


def count_of(number: int, noun: str) -> str:
    """``two hidden layers``; words up to ten."""
    said = SMALL_NUMBERS[number] if number < len(SMALL_NUMBERS) else f"{number:,}"
    return f"{said} {noun}{'' if number == 1 else 's'}"


def listed(items: Sequence[object]) -> str:
    """``1, 2 and 3``."""
    *first, last = [str(item) for item in items]
    return f"{', '.join(first)} and {last}" if first else last


def sentence(text: str) -> str:
    """The text with a capital letter and a full stop."""
    return f"{text[0].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"
