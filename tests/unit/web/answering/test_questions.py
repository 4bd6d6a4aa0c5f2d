"""Analyses as jobs: whatever can be asked inline can be asked as a job, with the same answer to the last bit."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from service.jobs.codec import decode
from service.jobs.identity import canonical_json
from service.jobs.kinds import KINDS
from service.operations.asking import ask
from service.operations.loaded import examples_of
from service.operations.table import OPERATIONS
from service.schemas.problem import DESIGN_EXAMPLE
from service.settings import Limits
from service.web.answering.questions import answer_at_once
from service.web.bodies.reading import JSON
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
