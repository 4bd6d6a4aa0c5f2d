"""Running one call: look the function up in the explicit table, decode, compute, encode."""

import json
import time
import traceback
from functools import cache
from importlib import import_module

from service.jobs.codec import decode, encoded
from service.jobs.engines.engine import Call, CallOutcome, Ending
from service.jobs.kind import KindTable
from service.operations.plans.plan import Arrays


@cache
def load_table(place: str) -> KindTable:
    """Import the table of kinds of jobs from ``module:NAME``; the place comes from the server's settings only."""
    module, _, name = place.partition(":")
    table: KindTable = getattr(import_module(module), name)
    return table


def execute(table: KindTable, key: str, call: Call, arrays: Arrays) -> CallOutcome:
    """Run a call to its end and describe it; whatever the function raises becomes an outcome."""
    began = time.perf_counter()
    try:
        function = table[call.operation].functions[call.function]
        inputs = [decode(payload) for payload in call.inputs]
        payload = encoded(function(json.loads(call.arguments), arrays, inputs))
    except Exception as error:  # noqa: BLE001 - a chunk may raise anything, and the job must say what
        return CallOutcome(key, Ending.RAISED, seconds=time.perf_counter() - began, error=describe(error))
    return CallOutcome(key, Ending.DONE, payload, time.perf_counter() - began)


def describe(error: BaseException) -> dict[str, str]:
    """Say what was raised and where, in words that hold no one's data."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].name}:{frames[-1].lineno}" if frames else "unknown"
    return {"type": type(error).__name__, "detail": str(error)[:500], "place": place}
