"""Small deterministic operations for the tests of the jobs floor; no table of the service names them."""

import ctypes
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info  # type: ignore[import-untyped]  # ships no annotations

from service.errors import LimitExceeded
from service.jobs.inline import run_inline
from service.jobs.kind import JobKind
from service.jobs.values import Payload
from service.operations.plans.plan import Arrays, Chunk, Plan, Written

PLACE = "tests.support.job_operations:OPERATIONS"
Arguments = Mapping[str, Any]
Inputs = Sequence[Any]
_SEEN: dict[int, Any] = {}


def run_question(kind: JobKind, question: Arguments) -> Payload:
    """The answer to a stored question, computed here by the plan that it becomes."""
    return run_inline(kind.plan(question), kind.functions)


def _chunk_value(arguments: Arguments, _arrays: Arrays, _inputs: Inputs) -> Written:
    time.sleep(arguments["sleep_s"])
    generator = np.random.default_rng([int(arguments["seed"]), int(arguments["index"])])
    return Written({"index": arguments["index"], "sample": generator.standard_normal(8), "total": generator.random()})


def _all_values(_arguments: Arguments, _arrays: Arrays, inputs: Inputs) -> Written:
    order = [int(value["index"]) for value in inputs]
    return Written(
        {
            "order": order,
            "total": sum(value["total"] for value in inputs),
            "samples": np.stack([value["sample"] for value in inputs]),
        }
    )


def _count_plan(request: Arguments) -> Plan:
    count = int(request["chunks"])
    if count > 100_000:
        raise LimitExceeded(("chunks",), "chunks", 100_000, "chunks")
    common = {"seed": request.get("seed", 1), "sleep_s": request.get("sleep_s", 0.0)}
    chunks = [Chunk("value", {"index": index, **common}) for index in range(count)]
    return Plan(chunks, "all", cost_s=count * common["sleep_s"])


def _busy(arguments: Arguments, _arrays: Arrays, _inputs: Inputs) -> Written:
    deadline = time.perf_counter() + arguments["seconds"]
    turns = 0
    while time.perf_counter() < deadline:
        turns += 1
    return Written({"index": arguments["index"]})


def _indices(_arguments: Arguments, _arrays: Arrays, inputs: Inputs) -> Written:
    return Written([int(value["index"]) for value in inputs])


def _busy_plan(request: Arguments) -> Plan:
    seconds = request["seconds"]
    chunks = [Chunk("busy", {"index": index, "seconds": seconds}) for index in range(int(request["chunks"]))]
    return Plan(chunks, "indices")


def _shared(arguments: Arguments, arrays: Arrays, _inputs: Inputs) -> Written:
    matrix = arrays["matrix"]
    # Kept, because the identity of an array that was freed may be given to the next one.
    _SEEN[id(matrix)] = matrix
    time.sleep(arguments["sleep_s"])
    return Written({"row": matrix[int(arguments["row"])], "identity": id(matrix), "pid": os.getpid()})


def _rows(_arguments: Arguments, _arrays: Arrays, inputs: Inputs) -> Written:
    copies = {(value["pid"], value["identity"]) for value in inputs}
    return Written(
        {
            "rows": np.stack([value["row"] for value in inputs]),
            "copies": len(copies),
            "pids": len({p for p, _ in copies}),
        }
    )


def _same_rows_after_a_pause(arguments: Arguments, _arrays: Arrays, _inputs: Inputs) -> list[Chunk]:
    if arguments["round"] > 0:
        return []
    time.sleep(arguments["pause_s"])
    return [Chunk("shared", {"row": row, "sleep_s": arguments["sleep_s"]}) for row in range(arguments["rows"])]


def _shared_plan(request: Arguments) -> Plan:
    rows, columns = int(request["rows"]), int(request.get("columns", 1000))
    matrix = np.arange(float(rows * columns)).reshape(rows, columns)
    sleep_s, pause_s = request.get("sleep_s", 0.0), request.get("pause_s", 0.0)
    return Plan(
        [Chunk("shared", {"row": row, "sleep_s": sleep_s}) for row in range(rows)],
        "rows",
        planner="same_rows" if pause_s else None,
        arguments={"rows": rows, "sleep_s": sleep_s, "pause_s": pause_s},
        arrays={"matrix": matrix},
    )


def _newton(_arguments: Arguments, _arrays: Arrays, inputs: Inputs) -> Written:
    value = inputs[0]["value"] if inputs else 1.0
    return Written({"value": 0.5 * (value + 2.0 / value)})


def _next_newton(arguments: Arguments, _arrays: Arrays, inputs: Inputs) -> list[Chunk]:
    time.sleep(arguments["sleep_s"])
    value = inputs[-1]["value"]
    if abs(value * value - 2.0) < 1e-14 or arguments["round"] > 30:
        return []
    return [Chunk("newton", {}, (int(arguments["next_index"]) - 1,))]


def _last(_arguments: Arguments, _arrays: Arrays, inputs: Inputs) -> Written:
    return Written({"root": inputs[-1]["value"], "chunks": len(inputs)})


def _adaptive_plan(request: Arguments) -> Plan:
    return Plan([Chunk("newton")], "last", planner="next", arguments={"sleep_s": request.get("sleep_s", 0.0)})


def _misbehave(arguments: Arguments, _arrays: Arrays, _inputs: Inputs) -> Written:
    how = arguments["how"]
    Path(arguments["note"]).write_text(str(os.getpid())) if "note" in arguments else None
    if how == "raise":
        raise ValueError("this chunk raises")
    if how == "nan":
        return Written({"loss": float("nan")})
    if how == "nan_array":
        return Written({"loss": np.array([1.0, np.nan])})
    if how == "memory":
        hoard = []
        while True:
            hoard.append(np.ones(4_000_000))
            time.sleep(0.02)
    if how == "die":
        os.kill(os.getpid(), 9)
    if how == "sleep":
        time.sleep(60.0)
    if how == "spin":
        sum(range(10**13))
    if how == "hold":
        # PyDLL keeps the interpreter's lock while it sleeps: no thread of the worker can run.
        ctypes.PyDLL(None).sleep(60)
    return Written({"index": arguments["index"]})


def _misbehave_plan(request: Arguments) -> Plan:
    good = {"how": "well"}
    chunks = [Chunk("misbehave", {"index": index, **good}) for index in range(int(request.get("before", 3)))]
    bad = {"how": request["how"], "index": len(chunks)}
    if "note" in request:
        bad["note"] = request["note"]
    return Plan([*chunks, Chunk("misbehave", bad)], "indices", anytime=bool(request.get("anytime")))


def _threads(arguments: Arguments, _arrays: Arrays, _inputs: Inputs) -> Written:
    np.ones((4, 4)) @ np.ones((4, 4))
    return Written(
        {"index": arguments["index"], "threads": max((pool["num_threads"] for pool in threadpool_info()), default=1)}
    )


def _most_threads(_arguments: Arguments, _arrays: Arrays, inputs: Inputs) -> Written:
    return Written(max(value["threads"] for value in inputs))


def _threads_plan(_request: Arguments) -> Plan:
    return Plan([Chunk("threads", {"index": 0})], "most")


OPERATIONS = {
    "count": JobKind("count", _count_plan, {"value": _chunk_value, "all": _all_values}),
    "busy": JobKind("busy", _busy_plan, {"busy": _busy, "indices": _indices}),
    "shared": JobKind(
        "shared", _shared_plan, {"shared": _shared, "same_rows": _same_rows_after_a_pause, "rows": _rows}
    ),
    "adaptive": JobKind("adaptive", _adaptive_plan, {"newton": _newton, "next": _next_newton, "last": _last}),
    "misbehave": JobKind(
        "misbehave", _misbehave_plan, {"misbehave": _misbehave, "indices": _indices}, longest_chunk_s=60.0
    ),
    "endless": JobKind(
        "endless",
        _misbehave_plan,
        {"misbehave": _misbehave, "indices": _indices},
        longest_chunk_s=0.1,
        chunk_limit_s=1.0,
    ),
    "threads": JobKind("threads", _threads_plan, {"threads": _threads, "most": _most_threads}),
}
