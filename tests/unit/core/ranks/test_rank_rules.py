"""Every rank rule of the table: where it holds, and each hypothesis broken alone."""

import pytest

from service.core.catalogue import RANK_RULES
from service.core.ranks.rule import RankRule, apply
from service.vocabulary import RankKind

EACH = pytest.mark.parametrize("rule", RANK_RULES, ids=[rule.id for rule in RANK_RULES])


def test_the_table_has_every_rule_once() -> None:
    expected = {f"K-D{number}" for number in range(10)} | {f"K-R{number}" for number in range(1, 11)}
    assert sorted(rule.id for rule in RANK_RULES) == sorted(expected)


@EACH
def test_nothing_is_false_where_it_holds(rule: RankRule) -> None:
    found = apply(rule, rule.holds)
    assert found.applies is not False
    undecided = {finding.name for finding in found.findings if finding.judgement.holds is None}
    assert undecided <= set(rule.not_decidable) | {"weights grow without bound"}
    says_nothing = rule.kind in (RankKind.INFORMATION, RankKind.AVERAGE_BOUND) or rule.id == "K-D3"
    assert bool(found.claims) is not says_nothing


@EACH
def test_each_hypothesis_breaks_alone(rule: RankRule) -> None:
    names = {condition.name for condition in rule.conditions}
    assert set(rule.breaks) | set(rule.not_decidable) == names
    assert not set(rule.breaks) & set(rule.not_decidable)
    for name, case in rule.breaks.items():
        found = apply(rule, case)
        broken = {finding.name for finding in found.findings if finding.judgement.holds is False}
        assert broken == {name}, name
        assert found.applies is False
        assert not found.claims


@EACH
def test_what_cannot_be_decided_is_never_decided(rule: RankRule) -> None:
    for case in (rule.holds, *rule.breaks.values()):
        findings = {finding.name: finding.judgement for finding in apply(rule, case).findings}
        assert all(findings[name].holds is None for name in rule.not_decidable)


@EACH
def test_what_is_not_true_has_a_reason(rule: RankRule) -> None:
    for case in (rule.holds, *rule.breaks.values()):
        for finding in apply(rule, case).findings:
            assert finding.judgement.holds is True or finding.judgement.reason
