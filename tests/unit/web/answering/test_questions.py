"""Analyses as jobs: whatever can be asked inline can be asked as a job, with the same answer to the last bit."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from service.jobs.codec import decode
from service.jobs.identity import canonical_json
from service.jobs.inline import run_inline
from service.jobs.table import JOB_OPERATIONS
from service.schemas.problem import DESIGN_EXAMPLE
from service.settings import Settings
from service.web import examples
from service.web.answering.deferred import DEFERRED
from service.web.answering.heavy import HEAVY
from service.web.answering.tasks import TASKS

LABELLED = {
    "network": {"layers": [{"width": 3, "weight_decay": 0.01}, {"width": 3, "weight_decay": 0.01}]},
    "data": {
        "kind": "samples",
        "task": "classification",
        "x": [[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0], [0.5, 0.1]],
        "y": [2, 7, 5, 2],
    },
}
QUESTIONS: Mapping[str, Mapping[str, Any]] = {
    "minima": {**examples.MINIMA, "labels": LABELLED},
    "minima_batch": examples.BATCH,
    "landscape": {
        **examples.LANDSCAPE,
        "labels": LABELLED,
        "witnesses": {"problem": DESIGN_EXAMPLE, "include": ["witnesses"]},
    },
    "ranks": {**examples.RANKS, "labels": LABELLED},
    "diagnose": examples.DIAGNOSE,
}


CASES = [(name, title) for name, bodies in QUESTIONS.items() for title in bodies]


@pytest.mark.parametrize(("name", "title"), CASES)
def test_a_stored_question_has_the_inline_answer(name: str, title: str) -> None:
    body, settings = QUESTIONS[name][title], Settings()
    inline = json.loads(TASKS[name](body, settings, "").render().content)
    asked = DEFERRED[name](body, settings)
    stored = json.loads(canonical_json(asked.question))
    payload = run_inline(JOB_OPERATIONS[name], stored)
    assert json.dumps(decode(payload)) == json.dumps(inline)
    assert asked.cost_s is not None


def test_every_analysis_and_every_heavy_operation_has_its_row() -> None:
    assert set(DEFERRED) | set(HEAVY) == set(JOB_OPERATIONS)
    assert not set(DEFERRED) & set(HEAVY)
