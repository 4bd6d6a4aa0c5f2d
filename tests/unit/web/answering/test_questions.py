"""Analyses as jobs: whatever can be asked inline can be asked as a job, with the same answer to the last bit."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from service.jobs.codec import decode
from service.jobs.identity import canonical_json
from service.jobs.kinds import KINDS
from service.operations.asking import ask
from service.operations.loaded import examples_of
from service.operations.plans.plan import Plan
from service.operations.table import OPERATIONS
from service.schemas.problem import DESIGN_EXAMPLE
from service.settings import Limits, Settings
from service.web.answering import questions
from service.web.answering.questions import answer_at_once, answer_by_plan, decide
from service.web.bodies.reading import JSON, NPZ
from service.web.preferences import Wish
from tests.support.job_operations import run_question

LABELLED = {
    "network": {"layers": [{"width": 3, "weight_decay": 0.01}, {"width": 3, "weight_decay": 0.01}]},
    "data": {
        "kind": "samples",
        "task": "classification",
        "x": [[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0], [0.5, 0.1]],
        "y": [2, 7, 5, 2],
    },
}
MORE: Mapping[str, Mapping[str, Any]] = {
    "minima": {"labels": LABELLED},
    "landscape": {"labels": LABELLED, "witnesses": {"problem": DESIGN_EXAMPLE, "include": ["witnesses"]}},
    "ranks": {"labels": LABELLED},
}
QUESTIONS: Mapping[str, Mapping[str, Any]] = {
    row.name: {**examples_of(row), **MORE.get(row.name, {})}
    for row in OPERATIONS
    if row.job and row.function is not None
}


CASES = [(name, title) for name, bodies in QUESTIONS.items() for title in bodies]


@pytest.mark.parametrize(("name", "title"), CASES)
def test_a_stored_question_has_the_inline_answer(name: str, title: str) -> None:
    question = ask(name, QUESTIONS[name][title], Limits())
    inline = json.loads(answer_at_once(question, Limits(), JSON, "").content)
    stored = json.loads(canonical_json(question.stored(Limits())))
    payload = run_question(KINDS[name], stored)
    assert json.dumps(decode(payload)) == json.dumps(inline)


def test_the_plan_that_was_priced_is_the_one_that_runs() -> None:
    question = ask("sweeps", {"problem": DESIGN_EXAMPLE}, Limits())
    work, made = question.loaded.work, list[Plan]()
    assert work is not None

    def make(request: Any, limits: Limits) -> Plan:
        made.append(work.make(request, limits))
        return made[-1]

    counted = replace(work, make=make)
    question = replace(question, loaded=replace(question.loaded, work=counted))
    wish = Wish("nobody", wants_job=False)
    decision = decide(question, Settings(), wish)
    assert not decision.as_job
    answered = json.loads(answer_by_plan(question, decision, JSON, JSON).content)
    assert made == [decision.plan]
    assert answered["execution"]["run_as"] == "inline"
    assert decide(question, Settings(inline_budget_s=0.0), wish).as_job


def test_a_large_answer_is_json_where_json_is_asked_for_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "LARGE_BYTES", 10)
    question = ask("sweeps", {"problem": DESIGN_EXAMPLE}, Limits())
    decision = decide(question, Settings(), Wish("nobody", wants_job=False))
    kinds = [answer_by_plan(question, decision, JSON, accept).media_type for accept in ("", "*/*", f"{JSON}, */*")]
    assert kinds == [NPZ, NPZ, JSON]
