from typing import Any

from service.jobs.codec import decode, encode, encoded
from service.jobs.progress import Cursor, Needs, RemoteStep
from service.jobs.values import StepKind
from service.operations.plans.plan import Chunk, Plan
from tests.support.job_operations import OPERATIONS


def work(index: int) -> RemoteStep:
    return RemoteStep(StepKind.WORK, index)


def drain(cursor: Cursor) -> list[RemoteStep]:
    steps = []
    while (step := cursor.next_step()) is not None:
        steps.append(step)
    return steps


def run(name: str, request: dict[str, Any], stop_after: int = 10_000) -> tuple[Cursor, dict[RemoteStep, Any]]:
    """Walk a plan in this process, as a driver would, and keep what it would store."""
    operation = OPERATIONS[name]
    cursor = Cursor(name, operation.plan(request))
    stored: dict[RemoteStep, Any] = {}
    walk(cursor, stored, stop_after)
    return cursor, stored


def walk(cursor: Cursor, stored: dict[RemoteStep, Any], stop_after: int = 10_000) -> None:
    while len(stored) < stop_after and (step := cursor.next_step()) is not None:
        needs = cursor.needs(step)
        chunks = sorted(known for known in stored if known.kind is StepKind.WORK)
        if needs.numbers is None:
            inputs = [stored[known] for known in chunks if known.index >= needs.first]
        else:
            inputs = [stored[work(number)] for number in needs.numbers]
        call = cursor.call(step, None, ())
        function = OPERATIONS[call.operation].functions[call.function]
        payload = encoded(function(decode_arguments(call.arguments), {}, inputs))
        stored[step] = decode(payload)
        cursor.store(step, payload)


def decode_arguments(text: str) -> Any:
    import json

    return json.loads(text)


def test_a_fixed_plan_gives_each_chunk_once_then_the_reduction() -> None:
    cursor = Cursor("count", Plan([Chunk("value")] * 3, "all"))
    assert drain(cursor) == [work(0), work(1), work(2)]
    for index in (2, 0):
        cursor.store(work(index), encode(0))
    assert drain(cursor) == []
    cursor.store(work(1), encode(0))
    assert drain(cursor) == [RemoteStep(StepKind.REDUCE)]
    assert cursor.needs(RemoteStep(StepKind.REDUCE)) == Needs(None, 0)
    cursor.repeat(RemoteStep(StepKind.REDUCE))
    assert drain(cursor) == [RemoteStep(StepKind.REDUCE)]


def test_a_restored_plan_gives_only_what_is_missing() -> None:
    cursor = Cursor("count", Plan([Chunk("value")] * 4, "all"))
    cursor.restore([(StepKind.WORK, 1), (StepKind.WORK, 3)], [])
    assert drain(cursor) == [work(0), work(2)]


def test_a_chunk_waits_for_the_results_that_it_receives() -> None:
    plan = Plan([Chunk("value"), Chunk("value"), Chunk("value", {}, (0, 1)), Chunk("value", {}, (2,))], "all")
    cursor = Cursor("count", plan)
    assert drain(cursor) == [work(0), work(1)]
    cursor.store(work(1), encode(0))
    assert drain(cursor) == []
    cursor.store(work(0), encode(0))
    assert drain(cursor) == [work(2)]
    cursor.store(work(2), encode(0))
    assert drain(cursor) == [work(3)]


def test_an_empty_plan_is_reduced_at_once() -> None:
    assert drain(Cursor("count", Plan([], "all"))) == [RemoteStep(StepKind.REDUCE)]


def test_an_adaptive_plan_plans_from_stored_results() -> None:
    cursor, stored = run("adaptive", {})
    result = stored[RemoteStep(StepKind.REDUCE)]
    assert abs(result["root"] - 2**0.5) < 1e-14
    assert result["chunks"] == 5
    assert cursor.known_total == 5


def test_an_adaptive_plan_resumes_anywhere_with_the_same_steps() -> None:
    _, whole = run("adaptive", {})
    for stop_after in range(len(whole)):
        _, stored = run("adaptive", {}, stop_after)
        resumed = Cursor("adaptive", OPERATIONS["adaptive"].plan({}))
        rounds = [encode(stored[step]) for step in sorted(stored) if step.kind is StepKind.PLAN]
        resumed.restore([(step.kind, step.index) for step in stored], rounds)
        assert resumed.known_total is None or resumed.total == 5
        walk(resumed, stored)
        assert stored == whole


def test_what_is_cut_reduces_what_is_stored_and_issues_nothing_else() -> None:
    cursor = Cursor("count", Plan([Chunk("value")] * 4, "all", planner="next", anytime=True))
    first, second = cursor.next_step(), cursor.next_step()
    assert first is not None
    assert second is not None
    cursor.store(first, encode({}))
    cursor.repeat(second)
    cursor.cut()
    assert drain(cursor) == [RemoteStep(StepKind.REDUCE)]
    cursor.repeat(RemoteStep(StepKind.REDUCE))
    assert drain(cursor) == [RemoteStep(StepKind.REDUCE)]


def test_only_a_plan_with_an_answer_at_any_time_can_be_cut_and_only_once_a_chunk_is_stored() -> None:
    plain, anytime = (Cursor("count", Plan([Chunk("value")], "all", anytime=known)) for known in (False, True))
    assert (plain.can_be_cut, anytime.can_be_cut) == (False, False)
    for cursor in (plain, anytime):
        cursor.store(work(0), encode({}))
    assert (plain.can_be_cut, anytime.can_be_cut) == (False, True)
