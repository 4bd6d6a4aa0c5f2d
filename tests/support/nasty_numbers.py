"""Valid requests with nasty numbers in them: denormal, huge, tied, nearly singular, whole numbers as floats.

A case is an example of the OpenAPI document, on data of its own or on six drawn samples, in which some numbers were
replaced.  Its shape stays valid; its numbers need not be.
"""

import copy
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tests.support.openapi import operations, resolved

NUMBERS: Final = (
    5e-324, -5e-324, 2.2250738585072014e-308, 1e-300, 1e-200, 1e-160, 1e-16,
    -0.0, 0.0, 1.0, -1.0, 1.0 + 2.0**-52, 0.1,
    1e8, 1e16, 1e100, 1e154, 1e155, 1e200, 1e300, -1e300, 1.7976931348623157e308, -1.7976931348623157e308,
    2**31, 2**53 + 1, 2**63, 2**64 + 1, 3.0, 2.0, -1, 0,
)  # fmt: skip
"""Single numbers."""
LARGEST_WHOLE: Final = 50
"""Counts and widths that are changed stay below this, so that a request stays small; a few are huge on purpose."""
ROWS: Final = 6
INPUTS: Final = 3


@dataclass(frozen=True)
class Case:
    """One request."""

    operation: str
    path: str
    body: Any
    changes: tuple[str, ...]


def posted() -> dict[str, tuple[str, list[Any], bool]]:
    """Path, examples, and whether a time limit can be asked for, of each operation that takes JSON."""
    found = {}
    for name, (method, path, described) in operations().items():
        content = described.get("requestBody", {}).get("content", {}).get("application/json")
        if method == "POST" and content is not None:
            schemas = [resolved(each) for each in content["schema"].get("anyOf", [content["schema"]])]
            limited = all("time_limit_s" in schema.get("properties", {}) for schema in schemas)
            found[name] = path, [each["value"] for each in content["examples"].values()], limited
    return found


POSTED: Final = posted()


def case_of(seed: int, time_limit_s: float = 1.0) -> Case:
    """The case of a seed; operations take turns."""
    rng = np.random.default_rng(seed)
    operation = list(POSTED)[seed % len(POSTED)]
    path, examples, limited = POSTED[operation]
    body = copy.deepcopy(examples[rng.integers(len(examples))])
    changes = []
    if rng.random() < 0.6:
        changes += _with_samples(body, rng)
    for _ in range(rng.integers(1, 4)):
        change = CHANGES[rng.integers(len(CHANGES))]
        changes.append(f"{change.__name__[1:]} {change(body, rng)}")
    if limited:
        body["time_limit_s"] = time_limit_s
    return Case(operation, path, body, tuple(changes))


def _problems(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if isinstance(value.get("data"), dict) and isinstance(value.get("network"), dict):
            yield value
        for item in value.values():
            yield from _problems(item)
    elif isinstance(value, list):
        for item in value:
            yield from _problems(item)


def _with_samples(body: Any, rng: np.random.Generator) -> list[str]:
    """Put drawn samples, some of them badly conditioned or tied, where an example had other data."""
    told = []
    for problem in _problems(body):
        layers = problem["network"].get("layers")
        data = problem["data"]
        if not layers or data.get("task") == "classification" or data.get("evaluation") or "weights" in body:
            continue
        x, y = rng.normal(size=(ROWS, INPUTS)), rng.normal(size=(ROWS, layers[-1].get("width", 1)))
        kind = ("plain", "condition 1e16", "tied", "collinear", "sizes")[rng.integers(5)]
        if kind == "condition 1e16":
            x = x @ np.diag(np.logspace(0, -8, INPUTS)) @ np.linalg.qr(rng.normal(size=(INPUTS, INPUTS)))[0]
        elif kind == "tied":
            x, y = np.repeat(x[:2], ROWS // 2, axis=0), np.ones_like(y)
        elif kind == "collinear":
            x[:, 1:] = x[:, :1]
        elif kind == "sizes":
            x, y = x * 10.0 ** rng.integers(-300, 150, INPUTS), y * 10.0 ** rng.integers(-300, 150)
        signs = problem.get("objective", {}).get("loss") in ("logistic", "exponential", "cross_entropy", "hinge")
        problem["data"] = {"kind": "samples", "x": x.tolist(), "y": (np.sign(y) if signs else y).tolist()}
        told.append(f"samples {kind}")
    return told


def _leaves(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, Any, tuple[Any, ...]]]:
    """Every number with the container that holds it and its key there."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        if isinstance(item, int | float) and not isinstance(item, bool):
            yield value, key, (*at, key)
        else:
            yield from _leaves(item, (*at, key))


def _nasty(old: float, rng: np.random.Generator) -> float:
    new = NUMBERS[rng.integers(len(NUMBERS))]
    if isinstance(old, int) and rng.random() < 0.8:
        # mostly a number that the field can hold, written in another way
        return [float(old), old + 0.0, min(old + 1, LARGEST_WHOLE), 1, 2.0, -0.0][rng.integers(6)]
    return new


def _one_number(body: Any, rng: np.random.Generator) -> str:
    found = list(_leaves(body))
    if not found:
        return "nothing"
    holder, key, at = found[rng.integers(len(found))]
    holder[key] = _nasty(holder[key], rng)
    return "/".join(map(str, at))


def _every_number_of_a_name(body: Any, rng: np.random.Generator) -> str:
    found = [(holder, key, at) for holder, key, at in _leaves(body) if isinstance(key, str)]
    if not found:
        return "nothing"
    name = found[rng.integers(len(found))][1]
    new = NUMBERS[rng.integers(len(NUMBERS))]
    for holder, key, _ in found:
        if key == name and isinstance(holder[key], float):
            holder[key] = new
    return str(name)


def _arrays(value: Any) -> Iterator[list[Any]]:
    if isinstance(value, list) and value and all(isinstance(each, int | float) for each in value):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _arrays(item)


def _one_array(body: Any, rng: np.random.Generator) -> str:
    found = list(_arrays(body))
    if not found:
        return "nothing"
    array = found[rng.integers(len(found))]
    kind = ("zero", "equal", "huge", "tiny", "denormal", "mixed", "whole")[rng.integers(7)]
    for place, old in enumerate(array):
        array[place] = {
            "zero": 0.0 if place % 2 else -0.0,
            "equal": array[0],
            "huge": _finite(old * 1e300),
            "tiny": old * 1e-300,
            "denormal": 5e-324 * (1 + place),
            "mixed": _nasty(float(old), rng),
            "whole": round(_finite(old)),
        }[kind]
    return kind


def _finite(number: float) -> float:
    return number if math.isfinite(number) else math.copysign(1e300, number)


CHANGES: Final = (_one_number, _one_number, _every_number_of_a_name, _one_array)


def complaint(status: int, content: bytes, seconds: float, limit_s: float) -> str | None:
    """What is wrong with an answer, if anything: a server error, a number that is not finite, or too late."""
    if status >= 500:
        return f"answered {status}: {content[:300]!r}"
    if seconds > limit_s:
        return f"took {seconds:.1f} s of {limit_s:g}"
    try:
        found = json.loads(content, parse_constant=_refuse)
    except ValueError as error:
        return f"is not JSON: {error}"
    bad = [
        at for holder, key, at in _leaves(found) if isinstance(holder[key], float) and not math.isfinite(holder[key])
    ]
    return f"holds a number that is not finite at {bad[0]}" if bad else None


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is no JSON")
