"""Kept answers to the first example of an operation, which the OpenAPI document shows.

They are kept as files because their last digits depend on the machine; ``minima openapi`` renews those that
differ by more than rounding, and ``minima openapi --check`` refuses them.
"""

import math
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import orjson

from service.operations.asking import ask
from service.operations.loaded import examples_of
from service.operations.table import BY_NAME
from service.settings import Limits
from service.web.bodies.reading import JSON
from service.web.responses import written

SHOWN_DIGITS: Final = 8
ROUNDING: Final = 1e-8


KEPT: Final[Mapping[str, str]] = {"minima": "minima", "minima_batch": "sweep"}
"""Operation to the name of the kept answer to its first example."""


def _fresh(operation: str) -> Any:
    asked = next(iter(examples_of(BY_NAME[operation]).values()))
    return orjson.loads(written(ask(operation, asked, Limits()).answer(Limits()), JSON).content)


def kept(name: str) -> Any:
    """The kept answer of this name."""
    return orjson.loads(_path(name).read_bytes())


def stale() -> list[str]:
    """Operations whose kept answer is not what the service answers now."""
    return [operation for operation, name in KEPT.items() if not same(kept(name), _fresh(operation))]


def renew() -> None:
    """Write anew what is stale."""
    for operation in stale():
        content = orjson.dumps(_rounded(_fresh(operation)), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        _path(KEPT[operation]).write_bytes(content)


def same(one: Any, other: Any) -> bool:
    """Whether two answers agree up to rounding."""
    first, second = dict(_leaves(one)), dict(_leaves(other))
    return first.keys() == second.keys() and all(_close(value, second[path]) for path, value in first.items())


def _close(one: Any, other: Any) -> bool:
    if isinstance(one, float) or isinstance(other, float):
        return math.isclose(one, other, rel_tol=10 * ROUNDING, abs_tol=ROUNDING)
    return bool(one == other)


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if not isinstance(value, (dict, list)):
        yield path, value
        return
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        yield from _leaves(item, f"{path}/{key}")


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return float(f"{value:.{SHOWN_DIGITS}g}") if isinstance(value, float) else value


def _path(name: str) -> Path:
    return Path(str(files("service.web").joinpath("answers", f"{name}.json")))
