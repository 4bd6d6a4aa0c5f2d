"""Hypotheses: named predicates that answer yes, no or unknown and hand back the numbers that decided.

Solvers, theorems and rank rules all declare what they need as a tuple of `Hypothesis`; dispatch and the
catalogue evaluate them in one way, so that every refusal can name the piece that is missing.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from service.core.ground.problems import Problem
from service.vocabulary import ExemptionKind, Property, TheoremStatus

Fact: TypeAlias = bool | int | float | str
Tristate: TypeAlias = bool | None


NO_EVIDENCE: Mapping[str, Fact] = MappingProxyType({})


class Judgement(NamedTuple):
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
    check: Callable[[Problem], Judgement]


class Finding(NamedTuple):
    """A hypothesis as it was judged on one problem."""

    name: str
    judgement: Judgement


Known: TypeAlias = dict[int, Finding]
"""Findings on one problem, by the identity of the hypothesis: rules share most of theirs."""


def examine(hypotheses: Iterable[Hypothesis], problem: Problem, known: Known | None = None) -> tuple[Finding, ...]:
    """Evaluate every hypothesis, also after one has failed, so that a refusal is complete.

    Parameters
    ----------
    hypotheses : iterable of Hypothesis
    problem : Problem
    known : dict, optional
        What was found on this problem before; new findings are added.
    """
    if known is None:
        return tuple(Finding(hypothesis.name, hypothesis.check(problem)) for hypothesis in hypotheses)
    found = []
    for hypothesis in hypotheses:
        key = id(hypothesis)
        if key not in known:
            known[key] = Finding(hypothesis.name, hypothesis.check(problem))
        found.append(known[key])
    return tuple(found)


def conjunction(findings: Iterable[Finding]) -> Tristate:
    """Kleene AND: false if any fails, else unknown if any is unknown, else true."""
    answers = [finding.judgement.holds for finding in findings]
    if False in answers:
        return False
    return None if None in answers else True


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What a theorem says about the landscape where its hypotheses, and those of ``provided``, hold."""

    about: Property
    value: bool
    provided: tuple[Hypothesis, ...] = ()


@dataclass(frozen=True, slots=True)
class Exemption:
    """Why no instance breaks a hypothesis alone.

    Attributes
    ----------
    kind : ExemptionKind
        ``implied_by`` another hypothesis, ``not_decidable`` from a problem (the predicate only ever says
        unknown), or ``not_expressible``: a problem cannot state anything else, so the predicate is constant.
    detail : str
        The hypothesis that implies it, or why.
    """

    kind: ExemptionKind
    detail: str


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
        An instance to which it applies; if a hypothesis is exempt because it is not decidable or not
        expressible, one for which every other hypothesis holds.
    breaks : mapping of str to Problem
        For each hypothesis that is not exempt, by name, an instance that breaks it alone.
    conclusions : tuple of Conclusion
        What follows for the verdicts on a landscape; empty where the theorem speaks of something else.
    exempt : mapping of str to Exemption
        Hypotheses, by name, that no instance breaks alone.
    caution : str
        What the theorem does not say although it is easily read into it.
    shared_kernels : bool
        Whether it holds for layers whose places share kernels as well.
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
    conclusions: tuple[Conclusion, ...] = ()
    exempt: Mapping[str, Exemption] = field(default_factory=dict)
    caution: str = ""
    shared_kernels: bool = False

    def applies(self, problem: Problem, known: Known | None = None) -> tuple[Tristate, tuple[Finding, ...]]:
        """Kleene AND over the hypotheses, with each finding; a superseded theorem applies to nothing."""
        findings = examine(self.hypotheses, problem, known)
        return (False if self.status is TheoremStatus.SUPERSEDED else conjunction(findings)), findings
