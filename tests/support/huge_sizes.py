"""Every integer of a request, found in its schema, set to sizes that no memory holds; ``python -m`` asks all."""

import json
import resource
import sys
import time
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from service.errors import Location, ServiceError
from service.operations.asking import ask
from service.operations.loaded import examples_of, load, requests_of
from service.operations.rows import Operation
from service.operations.table import OPERATIONS
from service.settings import Limits

Schema: TypeAlias = Mapping[str, Any]
HUGE: Final = (10**7, 10**9, 2**64)
"""The widest layer that is allowed, what is wider, and what no integer of 64 bits holds."""
ROOM_BYTES: Final = 768 * 2**20
"""Of addresses beyond those of a process that has answered once."""
DECAYED: Final = {"weight_decay": 0.1}
NOISY: Final = {**DECAYED, "noise": {"kind": "dropout", "rate": 0.2}}
TWO: Final = {
    "kind": "moments",
    "xx": [[1.0, 0.1], [0.1, 2.0]],
    "xy": [[0.9, 0.1], [0.2, 0.7]],
    "yy": 2.0,
    "n": 10,
    "x_mean": [0.1, 0.1],
    "y_mean": [0.1, 0.1],
}
SAMPLES: Final = {
    "kind": "samples",
    "x": [[1.0, 2.0, 3.0], [1.0, 0.0, -1.0], [0.0, 1.0, 2.0], [2.0, 2.0, -1.0]],
    "y": [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.5, 0.2]],
}


def chain(*widths: int, data: Any = None, **layer: Any) -> dict[str, Any]:
    """A problem whose hidden layers are alike."""
    layers = [{"width": width, **layer} for width in widths[:-1]]
    output = {"width": widths[-1], **{name: value for name, value in layer.items() if name == "weight_decay"}}
    return {"network": {"layers": [*layers, output]}, "data": TWO if data is None else data}


PROBLEMS: Final[tuple[dict[str, Any], ...]] = (
    chain(8, 2, **DECAYED),
    chain(8, 4, 2, **DECAYED),
    chain(8, 4, 2, **NOISY),
    chain(8, 2, data=SAMPLES, activation="relu"),
    chain(8, 2, data={"kind": "none", "inputs": 3}, **DECAYED),
    chain(8, 2, data={"kind": "none", "inputs": 4}, kind="conv", kernel=[2], channels=2, in_channels=1, stride=1),
)
"""Shapes that lead to different solvers, beside the examples of each operation."""
BESIDE: Final[Mapping[str, dict[str, Any]]] = {
    "minima_batch": {"vary": {"decay_scale": [1.0, 2.0]}},
    "ranks": {"training": {"dynamics": "global_minimum", "teacher": {"depth": 3, "width": 4, "norm_bound": 2.0}}},
    "diagnose": {
        "weights": [{"shape": [8, 2], "left": {"uniform": 1, "length": 8}, "values": [1.0], "right": [[1], [1]]}]
    },
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one body; ``fault`` is empty where it was answered, planned or refused on purpose."""

    operation: str
    at: str
    size: int
    seconds: float
    code: str
    fault: str
    limit: str = ""


def with_huge(body: Any, schema: Schema, sizes: tuple[int, ...] = HUGE) -> Iterator[tuple[Location, int, Any]]:
    """Where an integer may stand, its value, and the body with that value there."""
    for at, listed in integers_of(schema, schema, body):
        for size in sizes:
            changed = deepcopy(body)
            _put(changed, at, [size] if listed else size)
            yield at, size, changed


def integers_of(whole: Schema, schema: Schema, body: Any, at: Location = ()) -> Iterator[tuple[Location, bool]]:
    """Places of integers, given or left out, in the objects that a body has; whether a place takes a list of them."""
    for branch in _branches(whole, schema, body):
        if branch.get("type") == "integer":
            yield at, False
        elif branch.get("type") == "array":
            items = _resolved(whole, branch.get("items", {}))
            if items.get("type") == "integer":
                yield at, True
            elif isinstance(body, list):
                for index, item in enumerate(body):
                    yield from integers_of(whole, items, item, (*at, index))
        elif branch.get("type") == "object" and isinstance(body, dict):
            for name, field in branch.get("properties", {}).items():
                yield from integers_of(whole, field, body.get(name), (*at, name))


def _branches(whole: Schema, schema: Schema, body: Any) -> Iterator[Schema]:
    """The schemas that may describe a value: of objects told apart by their kind, the one that it has."""
    schema = _resolved(whole, schema)
    choices = schema.get("oneOf", schema.get("anyOf"))
    if choices is None:
        yield schema
        return
    kind = body.get("kind") if isinstance(body, dict) else None
    mapping = schema.get("discriminator", {}).get("mapping", {})
    if kind in mapping:
        yield _resolved(whole, {"$ref": mapping[kind]})
        return
    for choice in choices:
        yield from _branches(whole, choice, body)


def _resolved(whole: Schema, schema: Schema) -> Schema:
    while "$ref" in schema:
        schema = whole["$defs"][schema["$ref"].rpartition("/")[2]]
    return schema


def _put(body: Any, at: Location, value: object) -> None:
    for step in at[:-1]:
        body = body.setdefault(step, {}) if isinstance(body, dict) else body[step]
    body[at[-1]] = value


def bodies(row: Operation) -> Iterator[tuple[Any, Schema]]:
    """Bodies of an operation with the schema that each follows."""
    models = requests_of(row)
    beside = BESIDE.get(row.name, {})
    takes_problem = "problem" in models[-1].model_fields or row.name == "minima_batch"
    more = [{"problem": problem, **beside} for problem in PROBLEMS] if takes_problem else []
    for body in (*examples_of(row).values(), *more):
        wrapped = len(models) == 1 or "problem" in body or "problems" in body
        model = models[-1] if wrapped else models[0]
        if row.name == "minima_batch":
            model = models["problems" in body]
        yield body, model.model_json_schema()


def asked(row: Operation, body: Any, limits: Limits) -> tuple[str, str, str]:
    """Code of the error, name of the limit and fault of one body."""
    try:
        question = ask(row.name, body, limits)
        if question.loaded.function is None:
            question.plan(limits)
        else:
            question.answer(limits)
    except ServiceError as error:
        return error.code, getattr(error, "limit", ""), ""
    except Exception as error:  # noqa: BLE001 - whatever else is raised is what is looked for
        return "", "", f"{type(error).__name__}: {error}"
    return "", "", ""


def outcomes() -> Iterator[Outcome]:
    """Every operation with every huge size, in a process that cannot take much memory."""
    rows = [row for row in OPERATIONS if row.is_posted]
    limits = Limits()
    for row in rows:
        for body in examples_of(row).values():
            if load(row).function is not None:
                asked(row, body, limits)
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0])
    room = pages * resource.getpagesize() + ROOM_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (room, room))
    for row in rows:
        for body, schema in bodies(row):
            for at, size, changed in with_huge(body, schema):
                begun = time.thread_time()
                code, limit, fault = asked(row, changed, limits)
                taken = time.thread_time() - begun
                yield Outcome(row.name, "/".join(map(str, at)), size, taken, code, fault, limit)


if __name__ == "__main__":
    for outcome in outcomes():
        sys.stdout.write(json.dumps(asdict(outcome)) + "\n")
