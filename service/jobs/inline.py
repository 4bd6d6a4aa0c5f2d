"""A plan carried out in the caller's thread: the same chunks, the same reducer, the same bits, nothing stored."""

import json
from collections.abc import Callable, Mapping
from contextlib import nullcontext

from service.core.ground.stopping import stopped_by
from service.errors import NumericalError
from service.jobs.codec import NotFiniteError, decode, encoded, join
from service.jobs.identity import content_hash
from service.jobs.progress import Cursor, RemoteStep
from service.jobs.values import Json, Payload, StepKind
from service.operations.plans.columns import reference
from service.operations.plans.plan import ChunkFunction, Plan


class StoppedError(Exception):
    """The caller stopped a plan before it was finished."""


def never() -> bool:
    """For a caller who waits as long as it takes."""
    return False


def run_inline(plan: Plan, functions: Mapping[str, ChunkFunction], should_stop: Callable[[], bool] = never) -> Payload:
    """Carry out a plan and return its encoded result, the bytes that a job would store.

    A plan that has an answer at any time gives it once ``should_stop`` says so, and its searches are told as well.

    Raises
    ------
    StoppedError
        If ``should_stop`` said so between two chunks of any other plan.
    NumericalError
        If a result holds a number that is not finite.
    Exception
        Whatever a chunk raises.
    """
    cursor = Cursor("inline", plan)
    stored: dict[int, Payload] = {}
    while (step := cursor.next_step()) is not None:
        if should_stop() and not cursor.is_cut:
            if not plan.anytime:
                raise StoppedError
            if cursor.can_be_cut:
                cursor.cut()
                continue
        call = cursor.call(step, None, ())
        with stopped_by(should_stop) if plan.anytime else nullcontext():
            value = functions[call.function](json.loads(call.arguments), plan.arrays, _inputs(cursor, step, stored))
        try:
            payload = encoded(value)
        except NotFiniteError as error:
            raise NumericalError(f"the computation left the range of double precision: {error}") from error
        if step.kind is StepKind.REDUCE:
            return join(payload, stored.__getitem__)
        if step.kind is StepKind.WORK:
            stored[step.index] = payload
        cursor.store(step, payload)
    raise AssertionError("a plan ends with its reduction")


def _inputs(cursor: Cursor, step: RemoteStep, stored: Mapping[int, Payload]) -> list[Json]:
    """What a step would see of stored chunks: decoded again, or references."""
    needs = cursor.needs(step)
    numbers = needs.numbers if needs.numbers is not None else range(needs.first, len(stored))
    return [
        reference(number, content_hash(stored[number].body)) if number < needs.referenced else decode(stored[number])
        for number in numbers
    ]
