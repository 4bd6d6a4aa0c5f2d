"""Every field of every solver's answer, changed in every kind: a report or an `InputError`, and no change slips by."""

import numpy as np
import pytest

from tests.support.altered_answers import SLOW, answer_to, changes, outcome_of, report_on
from tests.support.answered_problems import PROBLEMS

SOME = 28
"""Changes tried for each problem, drawn from all; a third where answers take a search. `evidence` tries all."""


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_answer_as_it_is_agrees(name: str) -> None:
    report = report_on(answer_to(name))
    assert report is not None
    assert report.outcome == "agrees", [check for check in report.checks if not check.agrees]
    assert set(report.not_covered) == {field for field, word in report.fields.items() if word == "not_covered"}
    assert all(report.not_covered.values())


@pytest.mark.parametrize("name", PROBLEMS)
def test_no_change_ends_in_another_exception_and_none_slips_by(name: str) -> None:
    document = answer_to(name)
    every = changes(document)
    rng = np.random.default_rng(list(name.encode()))
    drawn = rng.permutation(len(every))[: SOME // 3 if name in SLOW else SOME]
    outcomes = [outcome_of(document, every[index]) for index in drawn]
    assert len(drawn) - outcomes.count("agrees") > len(drawn) // 3
