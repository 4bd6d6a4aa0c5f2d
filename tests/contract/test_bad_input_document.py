"""`docs/bad-input.md` shows what the service says, and the laws of errors hold for every operation."""

import pytest

from tests.contract import bad_input
from tests.contract.bad_input_elsewhere import ELSEWHERE, Refused
from tests.contract.bad_input_rules import RULES
from tests.contract.test_bad_input import check_problem
from tests.serving import call


def test_the_document_is_what_the_service_says(base: str) -> None:
    assert bad_input.FILE.read_text(encoding="utf-8") == bad_input.document(base), "run `make bad-input`"


@pytest.mark.parametrize("case", [*ELSEWHERE, *RULES], ids=lambda case: case.name)
def test_every_operation_refuses_by_a_problem_document(case: Refused, base: str) -> None:
    reply = call(base, case.method, case.path, case.content, case.headers)
    told = check_problem(reply, reply.json["type"].rpartition("/")[2])
    assert reply.status in (400, 404, 405, 406, 415, 422)
    if told["type"] == "/problems/invalid-input":
        assert told["errors"]
