"""What the base of all models does with fields that have their defaults."""

from typing import Any

from service.schemas.base import concise
from service.schemas.problem import DESIGN_EXAMPLE, ProblemDocument

SHORT: dict[str, Any] = {
    "network": {"layers": [{"width": 2, "noise": {"kind": "dropout", "rate": 0.0}}, {"width": 1}]},
    "data": {"kind": "samples", "x": [[1.0], [2.0]], "y": [1.0, 0.0]},
}


def test_a_problem_is_repeated_the_same_however_it_was_sent() -> None:
    for body in (SHORT, DESIGN_EXAMPLE):
        short = ProblemDocument.model_validate(body)
        long = ProblemDocument.model_validate(short.model_dump(mode="json", by_alias=True))
        assert long.document() != short.document()
        assert concise(long).document() == concise(short).document() == short.document()
        assert concise(long) == long


def test_what_is_repeated_is_the_same_problem_and_leaves_the_sent_one_alone() -> None:
    sent = ProblemDocument.model_validate({**SHORT, "objective": {"convention": "mean", "loss": "squared"}})
    before = sent.document()
    assert "objective" in before
    assert concise(sent).document() == ProblemDocument.model_validate(SHORT).document()
    assert sent.document() == before
