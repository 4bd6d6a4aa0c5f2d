"""Hypotheses: named predicates that answer yes, no or unknown and hand back the numbers that decided.

Solvers, theorems and rank rules all declare what they need as a tuple of `Hypothesis`; dispatch and the
catalogue evaluate them in one way, so that every refusal can name the piece that is missing.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from service.core.problems import Problem
from service.vocabulary import TheoremStatus

Fact: TypeAlias = bool | int | float | str
Tristate: TypeAlias = bool | None


NO_EVIDENCE: Mapping[str, Fact] = MappingProxyType({})


class Verdict(NamedTuple):
    """What a predicate found.

    Attributes
    ----------
    holds : bool or None
        ``None`` is "unknown" and always comes with a `reason`.
    evidence : mapping of str to a number or word
        The quantities that decided.
    reason : str
        In words why it fails or is unknown; empty where it holds.
    """

    holds: Tristate
    evidence: Mapping[str, Fact] = NO_EVIDENCE
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A named condition on a problem."""

    name: str
    check: Callable[[Problem], Verdict]


class Finding(NamedTuple):
    """A hypothesis with its verdict on one problem."""

    name: str
    verdict: Verdict


def examine(hypotheses: Iterable[Hypothesis], problem: Problem) -> tuple[Finding, ...]:
    """Evaluate every hypothesis, also after one has failed, so that a refusal is complete."""
    return tuple(Finding(hypothesis.name, hypothesis.check(problem)) for hypothesis in hypotheses)


def conjunction(findings: Iterable[Finding]) -> Tristate:
    """Kleene AND: false if any fails, else unknown if any is unknown, else true."""
    answers = [finding.verdict.holds for finding in findings]
    if False in answers:
        return False
    return None if None in answers else True


@dataclass(frozen=True, slots=True)
class Theorem:
    """A row of the catalogue.

    Attributes
    ----------
    id : str
        Stable, used in answers and addresses.
    title : str
    statement : str
        With its formula, in plain text.
    source : str
        Paper and theorem, or "derived" with the page that proves it.
    status : TheoremStatus
    hypotheses : tuple of Hypothesis
    page : str
        Page of the documentation with the proof and its numeric check.
    holds : Problem
        An instance to which it applies.
    breaks : mapping of str to Problem
        For each hypothesis, by name, an instance that breaks it alone.
    """

    id: str
    title: str
    statement: str
    source: str
    status: TheoremStatus
    hypotheses: tuple[Hypothesis, ...]
    page: str
    holds: Problem
    breaks: Mapping[str, Problem]
