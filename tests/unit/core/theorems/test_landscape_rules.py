"""The catalogue of rules tries itself: where each holds, and what breaks each hypothesis alone."""

import re
from collections.abc import Iterator

import numpy as np
import pytest

from service.core.catalogue import LANDSCAPE_RULES, THEOREMS
from service.core.ground.problems import Problem
from service.core.ground.rules import Theorem, conjunction, examine
from service.vocabulary import ExemptionKind, TheoremStatus
from tests.support.specs import random_spec

WANTED = [
    "R00 R01 R02 R03 R04 R05 R06 R07 R08 R08b R08c R09 R09c R10 R11 R13 R14 R14b R14c R15 R16 R17 R18 R19 R20 R21",
    "R22a R22b R22c R22d R23 R24 R24b R25 R26 R27 R28 R29 R30 R31 R32 R33 R34 R35 R36 R36b R37 R38 R39 R39b R41 R42",
    "R43 R45 R46 R47 R48 R49 R50 R51 R52 R53 R54 R55 R56 R57 R58 R59 R60 R62 R63 R64 R66",
]
CASES = [(row, name) for row in LANDSCAPE_RULES for name in row.breaks]
RANDOM = 300


def constant(row: Theorem) -> set[str]:
    """Names of the hypotheses that no problem can make true."""
    unreachable = (ExemptionKind.NOT_DECIDABLE, ExemptionKind.NOT_EXPRESSIBLE)
    return {name for name, exemption in row.exempt.items() if exemption.kind in unreachable}


def every_problem() -> Iterator[Problem]:
    for row in LANDSCAPE_RULES:
        yield row.holds
        yield from row.breaks.values()
    yield from (random_spec(seed) for seed in range(RANDOM))


@pytest.fixture(scope="module")
def problems() -> list[Problem]:
    return list(every_problem())


def test_every_rule_is_listed_once() -> None:
    assert sorted(row.id for row in LANDSCAPE_RULES) == sorted(" ".join(WANTED).split())
    ids = [row.id for row in THEOREMS]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("row", LANDSCAPE_RULES, ids=lambda row: row.id)
def test_a_rule_holds_on_its_own_case(row: Theorem) -> None:
    found = {finding.name: finding.judgement.holds for finding in examine(row.hypotheses, row.holds)}
    assert len(found) == len(row.hypotheses)
    assert {name for name, holds in found.items() if holds is not True} <= constant(row)
    applies, _ = row.applies(row.holds)
    if row.status is TheoremStatus.SUPERSEDED:
        assert applies is False
    elif not constant(row) - {name for name, holds in found.items() if holds is True}:
        assert applies is True


@pytest.mark.parametrize(("row", "name"), CASES, ids=[f"{row.id}-{name}" for row, name in CASES])
def test_a_case_breaks_one_hypothesis_alone(row: Theorem, name: str) -> None:
    for finding in examine(row.hypotheses, row.breaks[name]):
        if finding.name == name:
            assert finding.judgement.holds is False
            assert finding.judgement.reason
        elif finding.name not in constant(row):
            assert finding.judgement.holds is True, finding
    assert row.applies(row.breaks[name])[0] is False


@pytest.mark.parametrize("row", LANDSCAPE_RULES, ids=lambda row: row.id)
def test_every_hypothesis_has_a_case_or_an_exemption(row: Theorem) -> None:
    names = {hypothesis.name for hypothesis in row.hypotheses}
    assert set(row.breaks) | set(row.exempt) == names
    assert set(row.breaks).isdisjoint(row.exempt)


@pytest.mark.parametrize("row", [row for row in LANDSCAPE_RULES if row.exempt], ids=lambda row: row.id)
def test_exemptions_say_the_truth(row: Theorem, problems: list[Problem]) -> None:
    for hypothesis in row.hypotheses:
        exemption = row.exempt.get(hypothesis.name)
        if exemption is None:
            continue
        if exemption.kind is ExemptionKind.IMPLIED_BY:
            assert exemption.detail in {other.name for other in row.hypotheses}
            for problem in problems:
                alone = [one.judgement.holds for one in examine(row.hypotheses, problem) if one.name != hypothesis.name]
                assert hypothesis.check(problem).holds is not False or not all(alone)
            continue
        answers = {hypothesis.check(problem).holds for problem in problems}
        assert len(answers) == 1
        if exemption.kind is ExemptionKind.NOT_DECIDABLE:
            assert answers == {None}


@pytest.mark.parametrize("row", LANDSCAPE_RULES, ids=lambda row: row.id)
def test_unknown_comes_with_a_reason_and_numbers_are_finite(row: Theorem, problems: list[Problem]) -> None:
    for problem in problems[-RANDOM:]:
        for finding in examine(row.hypotheses, problem):
            assert finding.judgement.holds in (True, False, None)
            assert type(finding.judgement.holds) in (bool, type(None))
            assert finding.judgement.holds is True or finding.judgement.reason
            for value in finding.judgement.evidence.values():
                assert not isinstance(value, float) or np.isfinite(value)


def test_words_of_a_row() -> None:
    for row in LANDSCAPE_RULES:
        assert re.fullmatch(r"R\d\d[a-d]?", row.id)
        assert row.title
        assert row.statement.endswith(".")
        assert row.source
        if row.status is TheoremStatus.SUPERSEDED:
            assert not row.conclusions


def test_nothing_is_known_of_a_network_without_data_that_needs_them() -> None:
    rule = next(row for row in LANDSCAPE_RULES if row.id == "R34")
    findings = examine(rule.hypotheses, Problem(rule.holds.network, None))
    assert conjunction(findings) is None
