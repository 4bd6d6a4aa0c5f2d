"""Verdicts on random networks: never both ways, never from unconfirmed theorems, only valid arrows."""

from dataclasses import replace

import pytest

from service.core.asked.landscape import Landscape, summarise
from service.core.catalogue import LANDSCAPE_RULES
from service.core.ground.rules import Conclusion
from service.core.landscapes.verdicts import IMPLIES, apply, rulings
from service.errors import NumericalError
from service.vocabulary import Evidence, PointClass, Property, TheoremStatus
from tests.support.specs import random_spec

COUNT = 2_000


@pytest.fixture(scope="module")
def summaries() -> list[Landscape]:
    """A contradiction would raise here."""
    return [summarise(random_spec(seed)) for seed in range(COUNT)]


def test_every_property_is_ruled_with_evidence_or_reason(summaries: list[Landscape]) -> None:
    for summary in summaries:
        assert set(summary.verdicts) == set(Property)
        for ruling in summary.verdicts.values():
            if ruling.value is None:
                assert ruling.evidence is None
                assert ruling.reason
                assert not ruling.because
            else:
                assert ruling.evidence in (Evidence.PROVED, Evidence.CERTIFIED)
                assert ruling.because


def test_both_values_of_every_property_occur(summaries: list[Landscape]) -> None:
    seen = {(about, ruling.value) for summary in summaries for about, ruling in summary.verdicts.items()}
    assert seen == {(about, value) for about in Property for value in (True, False, None)}


def test_unconfirmed_theorems_decide_nothing(summaries: list[Landscape]) -> None:
    weak = {row.id for row in LANDSCAPE_RULES if row.status in (TheoremStatus.UNCONFIRMED, TheoremStatus.SUPERSEDED)}
    applied = set()
    for summary in summaries:
        applied |= {item.theorem.id for item in summary.rules if item.applies} & weak
        for ruling in summary.verdicts.values():
            assert weak.isdisjoint(ruling.because)
    assert {"R03", "R10", "R35"} <= applied


def test_implications_hold(summaries: list[Landscape]) -> None:
    for summary in summaries:
        for (premise, value), (about, concluded) in IMPLIES:
            if summary.verdicts[premise].value is value:
                assert summary.verdicts[about].value is concluded


def test_minima_and_valleys_are_independent(summaries: list[Landscape]) -> None:
    pairs = {
        (
            summary.verdicts[Property.NO_SPURIOUS_LOCAL_MINIMA].value,
            summary.verdicts[Property.NO_SPURIOUS_VALLEYS].value,
        )
        for summary in summaries
    }
    assert {(False, True), (True, None), (None, True)} <= pairs


def test_vacuous_only_where_nothing_is_attained(summaries: list[Landscape]) -> None:
    vacuous = [summary for summary in summaries if summary.verdicts[Property.NO_SPURIOUS_LOCAL_MINIMA].vacuous]
    assert vacuous
    for summary in vacuous:
        assert summary.verdicts[Property.MINIMUM_ATTAINED].value is False


def test_a_spurious_origin_lies_above_the_minimum(summaries: list[Landscape]) -> None:
    bad = [summary for summary in summaries if summary.origin.point_class is PointClass.LOCAL_MINIMUM]
    assert bad
    for summary in bad:
        assert summary.verdicts[Property.NO_SPURIOUS_LOCAL_MINIMA].value is not True


def test_superseded_theorems_never_apply(summaries: list[Landscape]) -> None:
    rows = [item for summary in summaries for item in summary.rules if item.theorem.id == "R18"]
    assert len(rows) == COUNT
    assert all(item.applies is False for item in rows)


def test_a_contradiction_is_an_error() -> None:
    rule = next(row for row in LANDSCAPE_RULES if row.id == "R06")
    liar = replace(rule, id="liar", conclusions=(Conclusion(Property.SPURIOUS_MINIMA_EXIST, True),))
    with pytest.raises(NumericalError, match="contradict each other"):
        rulings(apply((rule, liar), rule.holds))


def test_bars_are_in_order(summaries: list[Landscape]) -> None:
    for summary in summaries:
        births = [bar.birth for bar in summary.bars]
        assert births == sorted(births)
        for bar in summary.bars:
            assert bar.death is not None or bar.reason
            assert bar.death is None or bar.death >= bar.birth
            if bar.at_least is not None and bar.at_most is not None:
                assert bar.birth <= bar.at_least <= bar.at_most * (1.0 + 1e-12)
