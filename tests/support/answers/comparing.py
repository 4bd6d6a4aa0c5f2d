"""Where two answers to one question differ: to the bit, or beyond what another machine's rounding does to them."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

Path: TypeAlias = tuple[str | int, ...]

TOLERANCE: Final = 1e-10
DIGITS: Final = 13
"""Significant digits that are kept of each number: enough for the tolerance, and half as long."""

LEAST_SCALES: Final = {
    # zero but for rounding, or relative to something already
    "balance_decay": 1.0,
    "bound_on_rises": 1.0,
    "drifts": 1.0,
    "error_bound": 1.0,
    "gap": 1.0,
    "gradient_norm": 1.0,
    "gradient_tolerance": 1.0,
    "largest_rise": 1.0,
    "least_hessian_eigenvalue": 1.0,
    "median_gap": 1.0,
    "moments_changed_by": 1.0,
    "optimal": 1.0,
    "relative_gap": 1.0,
    "residual": 1.0,
    "rounding_allowance": 1.0,
    "spread": 1.0,
    # ends of a spectrum and numbers of a verification: some of these are zero but for rounding
    "value": 1.0,
    "claimed": 1.0,
    "found": 1.0,
    # of a direction that is not there at all
    "decay_scale": 1.0,
    # by an iteration that stops sooner
    "kernel_least_eigenvalue": 1e3,
    "least_eigenvalue": 1e3,
}
"""Numbers whose scale may be larger than they are, by the last name of their paths."""
ASIDE: Final = (
    # they follow the rounding of the machine; whether the check has passed is compared
    ("checks", "*", "value"),
    ("checks", "*", "tolerance"),
    # one choice among many that are as good
    ("path",),
    ("escape", "weights"),
    ("lowest", "position"),
)
"""What is compared to the bit only, on one machine."""
NORM_ONLY: Final = frozenset({"weights", "biases", "features"})
"""One choice among many that are as good: of each of their arrays the norm is compared."""
HASHED: Final = frozenset({"hash", "problem_hash", "id"})
_HASH: Final = re.compile(r"(sha256:)?[0-9a-f]{32,64}")
_DECIMAL: Final = re.compile(r"-?\d+(\.\d+(e[+-]?\d+)?|e[+-]?\d+)")


@dataclass(frozen=True)
class Difference:
    """A place at which two answers differ; ``None`` stands for nothing there, too."""

    path: Path
    kept: Any
    found: Any

    @property
    def wording(self) -> bool:
        """Whether only a sentence is another one."""
        return all(isinstance(value, str) and " " in value for value in (self.kept, self.found))

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.path))}: {_short(self.kept)} was kept, {_short(self.found)} is answered"


def differences(kept: Any, found: Any) -> list[Difference]:
    """Where an answer is not the kept one: to `TOLERANCE` of each number's own scale, words and counts exactly."""
    one, other = dict(_compared(kept)), dict(_compared(found))
    scales = _scales(one)
    return [
        Difference(path, one.get(path), other.get(path))
        for path in sorted(one.keys() | other.keys(), key=str)
        if path not in one or path not in other or not _same(one[path], other[path], scales[path])
    ]


def bit_differences(one: Any, other: Any) -> list[Difference]:
    """Where two answers differ at all."""
    first, second = dict(leaves(one)), dict(leaves(other))
    return [
        Difference(path, first.get(path), second.get(path))
        for path in sorted(first.keys() | second.keys(), key=str)
        if path not in first or path not in second or repr(first[path]) != repr(second[path])
    ]


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Numbers, words and empty containers with their paths."""
    if isinstance(value, dict | list) and value:
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(item, (*path, key))
    else:
        yield path, value


def shortened(value: Any) -> Any:
    """The same with floats rounded to `DIGITS` significant ones."""
    if isinstance(value, dict):
        return {name: shortened(item) for name, item in value.items()}
    if isinstance(value, list):
        return [shortened(item) for item in value]
    return float(f"{value:.{DIGITS - 1}e}") if isinstance(value, float) else value


def _compared(answer: Any) -> Iterator[tuple[Path, Any]]:
    norms: dict[Path, float] = {}
    for path, value in leaves(answer):
        names = tuple("*" if isinstance(part, int) else part for part in path)
        if any(_holds(names, part) for part in ASIDE):
            continue
        if NORM_ONLY & set(names) and isinstance(value, float):
            array = _array(path)
            norms[array] = math.hypot(norms.get(array, 0.0), value)
        elif isinstance(value, str):
            yield path, _masked(path, value)
        else:
            yield path, value
    yield from norms.items()


def _holds(names: tuple[str, ...], part: tuple[str, ...]) -> bool:
    return any(names[start : start + len(part)] == part for start in range(len(names)))


def _masked(path: Path, text: str) -> str:
    """Words without what the last bits decide: numbers that stand in them, and hashes of computed numbers."""
    if path[-1] in HASHED or "sha256:" in text:
        return _HASH.sub("#", text)
    return _DECIMAL.sub("#", text) if " " in text else text


def _array(path: Path) -> Path:
    """The path of the innermost array that holds a number: a vector, or a matrix of rows."""
    end = len(path)
    while end and isinstance(path[end - 1], int):
        end -= 1
    return path[:end] if end < len(path) else path


def _scales(numbers: dict[Path, Any]) -> dict[Path, float]:
    """The scale of each number: its array's largest entry, and no less than `LEAST_SCALES` says."""
    largest: dict[Path, float] = {}
    for path, value in numbers.items():
        if isinstance(value, int | float):
            array = _array(path)
            named = next((part for part in reversed(path) if isinstance(part, str)), "")
            largest[array] = max(largest.get(array, LEAST_SCALES.get(named, 0.0)), abs(value))
    return {path: largest.get(_array(path), 0.0) for path in numbers}


def _same(one: Any, other: Any, scale: float) -> bool:
    if isinstance(one, float) or isinstance(other, float):
        numbers = isinstance(one, int | float) and isinstance(other, int | float)
        return numbers and abs(one - other) <= TOLERANCE * scale
    return type(one) is type(other) and bool(one == other)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else text[:117] + "..."
