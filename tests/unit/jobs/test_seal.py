"""The plan of a stored question is the plan that was priced, and its seal tells any other one."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from service.jobs.identity import canonical_json
from service.jobs.kinds import KINDS
from service.jobs.seal import MOST_CHUNKS, PlanChangedError, Seal, seal_of
from service.operations.asking import ask
from service.operations.loaded import examples_of
from service.operations.plans.plan import Chunk, Lazy, Plan
from service.operations.table import OPERATIONS
from service.settings import Limits
from service.version import ENGINE_VERSION

QUESTIONS = [(row.name, title) for row in OPERATIONS if row.job for title in examples_of(row)]


@pytest.mark.parametrize(("name", "title"), QUESTIONS)
def test_a_stored_question_is_planned_as_it_was_priced(name: str, title: str) -> None:
    row = next(row for row in OPERATIONS if row.name == name)
    question = ask(name, examples_of(row)[title], Limits())
    priced = question.plan(Limits())
    # what a job may take is longer than what an answer may
    stored = json.loads(canonical_json(question.stored(Limits(max_seconds=7200.0))))
    made = KINDS[name].plan(stored)
    Seal.from_text(seal_of(priced).to_text()).check(made)
    if question.loaded.function is None:
        assert whole(made) == whole(priced)


def whole(plan: Plan) -> Any:
    """Everything about a plan, to the bit."""
    arrays = {name: (str(array.dtype), array.shape, array.tobytes()) for name, array in plan.arrays.items()}
    chunks = [chunk.to_json() for chunk in plan.chunks]
    text = json.dumps([chunks, plan.reducer, dict(plan.arguments), plan.cost_s, plan.planner, plan.referenced])
    return text, arrays


SHARED: Mapping[str, Any] = {"layers": [{"width": 4, "activation": "relu"}], "yy": 0.1}


def plan(shared: Mapping[str, Any] = SHARED, **changes: Any) -> Plan:
    chunks = [
        Chunk("block", {"problem": shared, "start": 10 * index, "rows": [index, index + 1], "scheme": "xavier"})
        for index in range(5)
    ]
    last = Chunk("boundary", {"problem": shared, "clip": 0.5}, (0, 1))
    whole = Plan([*chunks, last], "assemble", {"heading": 1}, {"axis": np.arange(3.0)}, 2.0, referenced=5)
    return replace(whole, **changes)


def with_chunk(index: int, change: Callable[[Chunk], Chunk]) -> Plan:
    chunks = list(plan().chunks)
    chunks[index] = change(chunks[index])
    return plan(chunks=chunks)


def asked(**arguments: Any) -> Callable[[Chunk], Chunk]:
    return lambda chunk: replace(chunk, arguments={**chunk.arguments, **arguments})


OTHERS: Mapping[str, Plan] = {
    "fewer chunks": plan(chunks=plan().chunks[:-1]),
    "the chunks in another order": plan(chunks=[*plan().chunks[1:], plan().chunks[0]]),
    "another function": with_chunk(2, lambda chunk: replace(chunk, function="boundary")),
    "other inputs": with_chunk(5, lambda chunk: replace(chunk, inputs=(0, 2))),
    "another number": with_chunk(4, asked(start=41)),
    "another number that is not whole": with_chunk(5, asked(clip=0.25)),
    "other bounds": with_chunk(0, asked(rows=[0, 2])),
    "another word": with_chunk(3, asked(scheme="kaiming")),
    "one argument more": with_chunk(3, asked(steps=3)),
    "another word inside": plan({"layers": [{"width": 4, "activation": "tanh"}], "yy": 0.1}),
    "nothing instead of a number inside": plan({**SHARED, "yy": None}),
    "another reducer": plan(reducer="only"),
    "another argument of the reducer": plan(arguments={"header": 1}),
    "a planner": plan(planner="follow"),
    "fewer references": plan(referenced=4),
    "another shape": plan(arrays={"axis": np.arange(4.0)}),
    "another precision": plan(arrays={"axis": np.arange(3, dtype=np.float32)}),
    "another array": plan(arrays={"values": np.arange(3.0)}),
    "another cost": plan(cost_s=2.1),
}


@pytest.mark.parametrize("other", OTHERS)
def test_a_seal_tells_every_other_plan(other: str) -> None:
    seal = seal_of(plan())
    seal.check(plan())
    with pytest.raises(PlanChangedError, match=rf"engine {ENGINE_VERSION} .*submit the question again") as caught:
        seal.check(OTHERS[other])
    assert any(word in str(caught.value) for word in ("chunks were priced", "other work", "was priced at"))


def test_what_another_processor_rounds_otherwise_breaks_no_seal() -> None:
    seal = seal_of(plan())
    seal.check(plan({**SHARED, "yy": np.nextafter(0.1, 1.0)}))
    seal.check(plan(arrays={"axis": np.nextafter(np.arange(3.0), 9.0)}, cost_s=2.0 * (1.0 + 1e-12)))


def test_numbers_are_of_one_kind_as_in_a_stored_question() -> None:
    seal = seal_of(plan())
    seal.check(with_chunk(4, asked(start=40.0)))
    seal.check(plan({"layers": [{"width": 4.0, "activation": "relu"}], "yy": 0.1}))


def test_a_plan_of_very_many_chunks_is_sealed_by_some_of_them_and_both_ends() -> None:
    made: list[int] = []

    def chunks(changed: int | None = None) -> Lazy[Chunk]:
        def chunk(index: int) -> Chunk:
            made.append(index)
            return Chunk("runs", {"problem": SHARED, "first": -1 if index == changed else index})

        return Lazy(1_000_000, chunk)

    seal = seal_of(plan(chunks=chunks()))
    assert len(made) == MOST_CHUNKS
    assert {made[0], made[-1]} == {0, 999_999}
    assert max(np.diff(made)) < 250
    for end in (0, 999_999):
        with pytest.raises(PlanChangedError):
            seal.check(plan(chunks=chunks(changed=end)))
