"""A plan carried out in the caller's thread: the same chunks, the same reducer, the same bits, nothing stored."""

import json
from collections.abc import Callable, Mapping

from service.jobs.codec import decode, encode
from service.jobs.plans import Operation
from service.jobs.progress import Cursor, Step
from service.jobs.values import Json, Payload, StepKind


class StoppedError(Exception):
    """The caller wanted no more of a plan before it was through."""


def run_inline(
    operation: Operation, request: Mapping[str, Json], should_stop: Callable[[], bool] = lambda: False
) -> Payload:
    """Carry out an operation and return its encoded result, the bytes that a job would store.

    Raises
    ------
    StoppedError
        If ``should_stop`` said so between two chunks.
    Exception
        Whatever a chunk raises.
    """
    plan = operation.plan(request)
    cursor = Cursor(operation.name, plan)
    stored: dict[int, Json] = {}
    while (step := cursor.next_step()) is not None:
        if should_stop():
            raise StoppedError(operation.name)
        call = cursor.call(step, None, ())
        value = operation.functions[call.function](
            json.loads(call.arguments), plan.arrays, _inputs(cursor, step, stored)
        )
        payload = encode(value)
        if step.kind is StepKind.REDUCE:
            return payload
        if step.kind is StepKind.WORK:
            # Decoded again, so that a reducer sees what it would see of a stored chunk.
            stored[step.index] = decode(payload)
        cursor.store(step, payload)
    raise AssertionError("a plan ends with its reduction")


def _inputs(cursor: Cursor, step: Step, stored: Mapping[int, Json]) -> list[Json]:
    needs = cursor.needs(step)
    numbers = needs.numbers if needs.numbers is not None else range(needs.first, len(stored))
    return [stored[number] for number in numbers]
