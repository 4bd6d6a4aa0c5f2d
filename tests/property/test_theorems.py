"""Every row of the catalogue: its example satisfies it, and each hypothesis can be broken alone."""

from pathlib import Path

import pytest

import service
from service.core.catalogue import SOLVERS, THEOREMS
from service.core.ground.problems import Problem
from service.core.ground.rules import Hypothesis, Theorem, conjunction, examine
from service.vocabulary import ExemptionKind

ROOT = Path(service.__file__).parent.parent
EACH = pytest.mark.parametrize("theorem", THEOREMS, ids=[theorem.id for theorem in THEOREMS])
PAIRS = [
    (theorem, hypothesis)
    for theorem in THEOREMS
    for hypothesis in theorem.hypotheses
    if hypothesis.name not in theorem.exempt
]
EACH_HYPOTHESIS = pytest.mark.parametrize(
    ("theorem", "hypothesis"), PAIRS, ids=[f"{theorem.id}: {hypothesis.name}" for theorem, hypothesis in PAIRS]
)


def failures(theorem: Theorem, problem: Problem) -> set[str]:
    """Hypotheses that do not hold, but for those that no problem of ours can decide or state."""
    silent = {name for name, exemption in theorem.exempt.items() if exemption.kind is not ExemptionKind.IMPLIED_BY}
    findings = examine(theorem.hypotheses, problem)
    return {finding.name for finding in findings if finding.judgement.holds is not True} - silent


@EACH
def test_the_example_satisfies_every_hypothesis(theorem: Theorem) -> None:
    assert failures(theorem, theorem.holds) == set()


@EACH
def test_there_is_an_example_that_breaks_each_hypothesis_and_no_other(theorem: Theorem) -> None:
    assert set(theorem.breaks) | set(theorem.exempt) == {hypothesis.name for hypothesis in theorem.hypotheses}
    assert set(theorem.breaks).isdisjoint(theorem.exempt)


@EACH_HYPOTHESIS
def test_a_broken_hypothesis_fails_alone_and_says_why(theorem: Theorem, hypothesis: Hypothesis) -> None:
    broken = theorem.breaks[hypothesis.name]
    assert failures(theorem, broken) == {hypothesis.name}
    judgement = hypothesis.check(broken)
    assert judgement.holds is not True
    assert judgement.reason
    assert conjunction(examine(theorem.hypotheses, broken)) is judgement.holds


@EACH
def test_the_page_exists_and_the_catalogue_or_the_page_names_the_theorem(theorem: Theorem) -> None:
    page = (ROOT / theorem.page).read_text(encoding="utf-8")
    catalogue = (ROOT / "openapi" / "theorems.md").read_text(encoding="utf-8")
    assert f"`{theorem.id}`" in page or f"## {theorem.id}:" in catalogue


@EACH
def test_the_row_is_complete(theorem: Theorem) -> None:
    assert theorem.title
    assert theorem.statement.endswith(".")
    assert theorem.source
    assert len({hypothesis.name for hypothesis in theorem.hypotheses}) == len(theorem.hypotheses)


def test_ids_are_unique_and_solvers_cite_known_ones() -> None:
    ids = [theorem.id for theorem in THEOREMS]
    assert len(set(ids)) == len(ids)
    for solver, _ in SOLVERS:
        assert set(solver.theorems) <= set(ids)
        assert solver.theorems


def test_every_page_that_the_code_cites_exists() -> None:
    cited = set()
    for path in (ROOT / "service").rglob("*.py"):
        for word in path.read_text(encoding="utf-8").replace("`", " ").split():
            if word.startswith("docs/theory/"):
                cited.add(word.rstrip(".,;:)\"'"))
    assert cited
    assert {page for page in cited if not (ROOT / page).is_file()} == set()
