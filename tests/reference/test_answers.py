"""300 answers over all operations are those that are kept, or the engine has another version."""

import copy
import json
from collections import Counter
from typing import Any

import pytest

from service.operations.table import OPERATIONS
from tests.support.answers import kept as keeping
from tests.support.answers.asking import answers_of
from tests.support.answers.comparing import bit_differences, differences, leaves, shortened
from tests.support.answers.questions import AS_JOB, COUNT, questions

KEPT = keeping.load()
NO_ANSWERS = ("/v1/jobs", "/livez", "/readyz", "/metrics")
"""Paths that tell about the server or a job, and not about a problem."""


def test_answers_are_those_that_are_kept() -> None:
    version = keeping.engine_version()
    lines = keeping.changed(KEPT, answers_of(keeping.ROOT, KEPT.questions))
    told = "\n".join([keeping.advice(KEPT, version, lines), *lines[:40]])
    assert not lines, told
    assert KEPT.engine_version == version, f"the kept answers are of another engine: store anew by `{keeping.COMMAND}`"


def test_the_questions_are_those_of_the_seed() -> None:
    assert questions() == KEPT.questions, f"other questions: store anew by `{keeping.COMMAND}`"
    assert len(KEPT.questions) == len(KEPT.answers) >= COUNT


def test_every_operation_is_asked_and_answers() -> None:
    served = json.loads((keeping.ROOT / "openapi" / "openapi.json").read_text(encoding="utf-8"))["paths"]
    routes = {(method.upper(), path) for path, methods in served.items() for method in methods}
    answered = {
        (question.method, question.path.partition("?")[0])
        for question in KEPT.questions
        if KEPT.answers[question.name]["status"] in (200, 201)
    }
    asked = {route for route in routes if any(_fits(route, method, path) for method, path in answered)}
    assert asked == {route for route in routes if route[0] != "DELETE" and not route[1].startswith(NO_ANSWERS)}


def test_every_operation_that_may_be_a_job_is_asked_as_one() -> None:
    asked = {("POST", question.path) for question in KEPT.questions if question.headers == AS_JOB}
    drawn = {("POST", question.path) for question in KEPT.questions[:COUNT]}
    assert asked == {row.route for row in OPERATIONS if row.job} & drawn
    assert len(asked) >= 11


def test_answers_are_verified_and_wrong_ones_found() -> None:
    verified = Counter(KEPT.answers[each.name]["status"] for each in KEPT.questions if each.method == "VERIFY")
    assert {0, 1} <= verified.keys()


def _fits(route: tuple[str, str], method: str, path: str) -> bool:
    head, _, rest = route[1].partition("{")
    return method == route[0] and (path.startswith(head) and len(path) > len(head) if rest else path == route[1])


def test_few_questions_are_refused_unless_they_are_meant_to_be() -> None:
    refused = [name for name, told in KEPT.answers.items() if told["status"] >= 400]
    unmeant = [name for name in refused if not name.startswith("refused/")]
    assert len(refused) - len(unmeant) == sum(name.startswith("refused/") for name in KEPT.answers)
    assert len(unmeant) <= COUNT // 20


ANSWER: dict[str, Any] = KEPT.answers["minima/03"]


@pytest.mark.parametrize("name", ["loss", "terms.fit", "singular_values.0", "layer_norms.1"])
def test_a_number_that_moves_by_more_than_the_tolerance_is_found(name: str) -> None:
    moved = copy.deepcopy(ANSWER)
    holder, *parts = moved["answer"]["global_minimum"], *name.split(".")
    for part in parts[:-1]:
        holder = holder[int(part) if part.isdigit() else part]
    last: Any = int(parts[-1]) if parts[-1].isdigit() else parts[-1]
    holder[last] *= 1.0 + 1e-12
    assert differences(ANSWER, moved) == []
    holder[last] *= 1.0 + 1e-9
    assert [each.path[:3] for each in differences(ANSWER, moved)] == [("answer", "global_minimum", parts[0])[:3]]


def test_an_entry_is_compared_on_the_scale_of_its_array() -> None:
    kept = {"map": [[2.0, 1e-3], [0.0, 4.0]], "column": [1e-9], "loss": 1e-12, "relative_gap": 1e-12}
    near = {"map": [[2.0, 1e-3 + 3e-10], [-3e-10, 4.0]], "column": [1e-9], "loss": 1e-12, "relative_gap": 5e-11}
    assert differences(kept, near) == []
    far = {"map": [[2.0, 1e-3 + 5e-10], [0.0, 4.0]], "column": [1.1e-9], "loss": 2e-12, "relative_gap": 2e-10}
    assert [each.path[0] for each in differences(kept, far)] == ["column", "loss", "map", "relative_gap"]


def test_a_word_a_count_and_a_field_are_compared_exactly() -> None:
    changes: list[dict[str, Any]] = [{"status": "bounded"}, {"solver": None}, {"theorems": []}, {"new": 1}]
    for change in changes:
        moved = {**ANSWER, "answer": {**ANSWER["answer"], **change}}
        found = differences(ANSWER, moved)
        assert found
        assert not any(each.wording for each in found)
    sentence = {**ANSWER, "answer": {**ANSWER["answer"], "completeness": "other words"}}
    assert [each.wording for each in differences(ANSWER, sentence)] == [True]


def test_the_last_bit_counts_on_one_machine() -> None:
    moved = json.loads(json.dumps(ANSWER))
    numbers = [path for path, value in leaves(moved) if isinstance(value, float) and value > 0.0]
    assert bit_differences(ANSWER, moved) == []
    holder = moved
    for part in numbers[0][:-1]:
        holder = holder[part]
    holder[numbers[0][-1]] *= 1.0 + 3e-16
    assert [each.path for each in bit_differences(ANSWER, moved)] == [numbers[0]]


@pytest.mark.parametrize(("version", "raise_it"), [(KEPT.engine_version, True), ("99.0", False)])
def test_the_advice(version: str, raise_it: bool) -> None:
    told = keeping.advice(KEPT, version, ["minima/00: answer.status: 'exact' was kept, 'bounded' is answered"])
    assert ("raise the engine's version" in told) is raise_it
    assert keeping.COMMAND in told
    words = keeping.advice(KEPT, version, ["words of refused/00: answer.detail: 'a b' was kept, 'a c' is answered"])
    assert "raise" not in words


def test_what_is_kept_is_short() -> None:
    assert shortened({"a": [1.0 / 3.0, 2, "x"]}) == {"a": [0.3333333333333, 2, "x"]}
    assert keeping.FILE.stat().st_size < 2_000_000
