"""The kept answers once more, a test for each, in one process: `make mutants` sees which of them runs through a change.

`make test` compares the same answers in `tests/reference/test_answers.py` and does not collect this file.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from service.settings import Settings
from tests.serving import call, serving
from tests.support.answers import kept as keeping
from tests.support.answers.asking import ASIDE, without
from tests.support.answers.comparing import differences
from tests.support.answers.questions import AS_JOB, Question

KEPT = keeping.load()
ASKED = [
    question
    for question in KEPT.questions
    if question.method != "VERIFY"
    and question.headers != AS_JOB
    and not question.name.startswith("datasets/")
    and "/datasets" not in question.path
]


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    with serving(Settings(log_level="error", inline_budget_s=1e6, max_seconds=600.0)) as address:
        yield address


@pytest.mark.parametrize("question", ASKED, ids=lambda question: question.name)
def test_answer(question: Question, base: str) -> None:
    body = question.body if not isinstance(question.body, str) else question.body.encode()
    reply = call(base, question.method, question.path, body, question.headers)
    found: Any = {"status": reply.status, "answer": without(json.loads(reply.content), ASIDE)}
    assert differences(KEPT.answers[question.name], found) == []
