"""The fields of a document by their paths: ``stationary_points[1].loss``."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, TypeAlias

Leaf: TypeAlias = Any
"""A number, text, true, false or null; an empty list; or an array of numbers as a whole."""

WHOLE: Final = (
    "problem",
    "global_minimum.weights",
    "global_minimum.biases",
    "global_minimum.skip_weights",
    "stationary_points[].label",
    "hypotheses[].evidence",
)
"""What is one field whatever it holds."""


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Leaf]]:
    """Every leaf with its path; empty objects have none."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from leaves(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value and not _is_array(value):
        for index, item in enumerate(value):
            yield from leaves(item, f"{path}[{index}]")
    else:
        yield path, value


def _is_array(value: Any) -> bool:
    """Whether lists hold nothing but numbers, at any depth."""
    if isinstance(value, list):
        return bool(value) and all(_is_array(item) for item in value)
    return isinstance(value, (int, float)) and not isinstance(value, bool)


@lru_cache(maxsize=8192)
def general(path: str) -> str:
    """A path without the places in lists, as in ``stationary_points[].loss``."""
    name = re.sub(r"(\[\d+\])+", "[]", path).removesuffix("[]")
    if ".reasons." in name or name.startswith("reasons."):
        return name[: name.index("reasons.") + len("reasons")]
    return next((whole for whole in WHOLE if name == whole or name.startswith((f"{whole}.", f"{whole}["))), name)


def ancestors(path: str) -> Iterator[str]:
    """The path itself and what it is a part of."""
    yield path
    for index in range(len(path) - 1, 0, -1):
        if path[index] in ".[":
            yield path[:index]


def covers(field: str, path: str) -> bool:
    """Whether a statement about ``field`` is one about ``path``."""
    return path == field or path.startswith((f"{field}.", f"{field}["))


def shown(document: Mapping[str, Leaf], path: str) -> bool | float | str | None:
    """What stands at a path, if it is one value."""
    value = document.get(path)
    return None if isinstance(value, (list, dict)) else value
