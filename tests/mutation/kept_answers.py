"""The kept answers once more, a test for each, in one process: `make mutants` sees which of them runs through a change.

`make test` compares the same answers in `tests/reference/test_answers.py` and does not collect this file.  A server
computes what takes long in processes beside it, which no change reaches: what a body asks for is answered here by the
function or the plan of its operation, and only the rest over HTTP.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from service.cli.asking import answered
from service.errors import ServiceError
from service.operations.answered import SweepTable
from service.operations.asking import ask
from service.operations.refusals import document_of
from service.operations.table import OPERATIONS
from service.settings import Settings
from tests.serving import call, serving
from tests.support.answers import kept as keeping
from tests.support.answers.asking import ASIDE, without
from tests.support.answers.comparing import differences
from tests.support.answers.questions import AS_JOB, Question

KEPT: Final = keeping.load()
ASKED: Final = [
    question
    for question in KEPT.questions
    if question.method != "VERIFY"
    and question.headers != AS_JOB
    and not question.name.startswith("datasets/")
    and "/datasets" not in question.path
]
POSTED: Final = {row.route[1]: row.name for row in OPERATIONS if row.is_posted and row.route is not None}
SETTINGS: Final = Settings(log_level="error", inline_budget_s=1e6, max_seconds=600.0)


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    with serving(SETTINGS) as address:
        yield address


def here(question: Question) -> Any:
    """Status and answer without a server; None for what only a server answers."""
    if question.method != "POST" or question.path not in POSTED or question.headers or isinstance(question.body, str):
        return None
    try:
        asked = ask(POSTED[question.path], json.loads(json.dumps(question.body)), SETTINGS)
        if asked.loaded.function is not None and isinstance(asked.answer(SETTINGS), SweepTable):
            return None
        return {"status": 200, "answer": without(json.loads(answered(asked, SETTINGS)), ASIDE)}
    except ServiceError as error:
        refusal = document_of(error)
        return {"status": refusal.status, "answer": json.loads(refusal.model_dump_json(exclude_unset=True))}


@pytest.mark.parametrize("question", ASKED, ids=lambda question: question.name)
def test_answer(question: Question, request: pytest.FixtureRequest) -> None:
    found = here(question)
    if found is None:
        body = question.body if not isinstance(question.body, str) else question.body.encode()
        base = request.getfixturevalue("base")
        reply = call(base, question.method, question.path, body, question.headers)
        found = {"status": reply.status, "answer": without(json.loads(reply.content), ASIDE)}
    assert differences(KEPT.answers[question.name], found) == []
