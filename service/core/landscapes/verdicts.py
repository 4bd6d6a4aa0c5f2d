"""From applied theorems to verdicts: what is proved about a landscape, never more, and never both ways.

Headline verdicts come from theorems whose status is proved or confirmed.  What follows from a verdict by
logic alone is added: the arrows of `IMPLIES`, their contrapositives, and that spurious minima exist exactly
if not every local minimum is global.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from service.core.ground.problems import Problem
from service.core.ground.rules import Conclusion, Finding, Judgement, Known, Theorem, Tristate, conjunction, examine
from service.errors import NumericalError
from service.vocabulary import Evidence, Property, TheoremStatus

DECIDING: Final = frozenset({TheoremStatus.PROVED, TheoremStatus.CONFIRMED})

IMPLIES: Final[tuple[tuple[tuple[Property, bool], tuple[Property, bool]], ...]] = (
    ((Property.SUBLEVEL_SETS_CONNECTED, True), (Property.NO_SPURIOUS_VALLEYS, True)),
    ((Property.NO_SPURIOUS_VALLEYS, True), (Property.NO_BAD_BASINS, True)),
    ((Property.NO_BAD_BASINS, True), (Property.NO_BAD_STRICT_MINIMA, True)),
    ((Property.NO_BAD_STRICT_MINIMA, False), (Property.NO_BAD_BASINS, False)),
    ((Property.NO_BAD_BASINS, False), (Property.NO_SPURIOUS_VALLEYS, False)),
    ((Property.NO_SPURIOUS_VALLEYS, False), (Property.SUBLEVEL_SETS_CONNECTED, False)),
    ((Property.NO_BAD_STRICT_MINIMA, False), (Property.NO_SPURIOUS_LOCAL_MINIMA, False)),
    ((Property.NO_SPURIOUS_LOCAL_MINIMA, True), (Property.SPURIOUS_MINIMA_EXIST, False)),
    ((Property.NO_SPURIOUS_LOCAL_MINIMA, False), (Property.SPURIOUS_MINIMA_EXIST, True)),
    ((Property.SPURIOUS_MINIMA_EXIST, True), (Property.NO_SPURIOUS_LOCAL_MINIMA, False)),
    ((Property.SPURIOUS_MINIMA_EXIST, False), (Property.NO_SPURIOUS_LOCAL_MINIMA, True)),
    ((Property.NO_SPURIOUS_LOCAL_MINIMA, True), (Property.NO_BAD_STRICT_MINIMA, True)),
)
"""Every inference between properties that is valid for a continuous objective, in an order that needs one pass.

That local minima are global says nothing about valleys, nor the other way round: minima may be flat, and
valleys may run to infinity.
"""


DENSE: Final = Finding("dense layers", Judgement(False, {}, "a layer shares kernels between its places"))
"""What all theorems lack for a network with convolutions, except those that say otherwise."""


@dataclass(frozen=True, slots=True)
class Applied:
    """A theorem on one problem.

    Attributes
    ----------
    theorem : Theorem
    applies : bool or None
    findings : tuple of Finding
    concludes : tuple of Conclusion
        The conclusions whose own conditions hold as well; empty unless it applies.
    conditions : tuple of Finding
        What was found about the conditions of single conclusions; empty unless it applies.
    """

    theorem: Theorem
    applies: Tristate
    findings: tuple[Finding, ...]
    concludes: tuple[Conclusion, ...]
    conditions: tuple[Finding, ...]

    @property
    def decides(self) -> bool:
        """Whether its conclusions may decide a headline verdict."""
        return self.applies is True and self.theorem.status in DECIDING


@dataclass(frozen=True, slots=True)
class Ruling:
    """The verdict on one property.

    Attributes
    ----------
    value : bool or None
    evidence : Evidence or None
        ``None`` where the value is.
    because : tuple of str
        Ids of the theorems that decided.
    reason : str
        Why the value is unknown, or what kind of inference it is.
    vacuous : bool
        Whether it holds only because nothing of the kind that it speaks of exists.
    """

    value: Tristate
    evidence: Evidence | None
    because: tuple[str, ...]
    reason: str
    vacuous: bool = False


@dataclass(frozen=True, slots=True)
class Witnessed:
    """A property shown by other means than a theorem of the table: a solver's answer."""

    about: Property
    value: bool
    evidence: Evidence
    because: tuple[str, ...]


def apply(theorems: Iterable[Theorem], problem: Problem) -> tuple[Applied, ...]:
    """Every theorem with its hypotheses checked one by one."""
    known: Known = {}
    if any(layer.convolution is not None for layer in problem.network.layers):
        return tuple(
            _applied(theorem, problem, known) if theorem.shared_kernels else Applied(theorem, False, (DENSE,), (), ())
            for theorem in theorems
        )
    return tuple(_applied(theorem, problem, known) for theorem in theorems)


def _applied(theorem: Theorem, problem: Problem, known: Known) -> Applied:
    applies, findings = theorem.applies(problem, known)
    if applies is not True:
        return Applied(theorem, applies, findings, (), ())
    kept, conditions = [], []
    for conclusion in theorem.conclusions:
        found = examine(conclusion.provided, problem, known)
        conditions += [finding for finding in found if finding not in conditions]
        if conjunction(found) is True:
            kept.append(conclusion)
    return Applied(theorem, applies, findings, tuple(kept), tuple(conditions))


def rulings(applied: Iterable[Applied], witnessed: Iterable[Witnessed] = ()) -> Mapping[Property, Ruling]:
    """One ruling for each property.

    Raises
    ------
    NumericalError
        If theorems contradict each other: a hypothesis was judged wrongly at the edge of double precision.
    """
    applied = tuple(applied)
    decided: dict[Property, Ruling] = {}
    for item in applied:
        if item.decides:
            for conclusion in item.concludes:
                _add(decided, conclusion.about, conclusion.value, Evidence.PROVED, (item.theorem.id,), "")
    for shown in witnessed:
        _add(decided, shown.about, shown.value, shown.evidence, shown.because, "")
    for (premise, value), (conclusion_about, concluded) in IMPLIES:
        ruling = decided.get(premise)
        if ruling is not None and ruling.value is value and ruling.evidence is not None:
            reason = f"follows from {premise}: {str(value).lower()}"
            _add(decided, conclusion_about, concluded, ruling.evidence, ruling.because, reason)
    return {about: _with_vacuity(about, decided, applied) for about in Property}


def _add(
    decided: dict[Property, Ruling],
    about: Property,
    value: bool,
    evidence: Evidence,
    because: tuple[str, ...],
    reason: str,
) -> None:
    before = decided.get(about)
    if before is None:
        decided[about] = Ruling(value, evidence, because, reason)
        return
    if before.value is not value:
        raise NumericalError(
            f"{', '.join(before.because)} and {', '.join(because)} contradict each other on {about}: "
            "a hypothesis lies within rounding of its limit"
        )
    if not reason:
        merged = (*before.because, *(name for name in because if name not in before.because))
        decided[about] = Ruling(value, before.evidence, merged, before.reason)


def _with_vacuity(about: Property, decided: Mapping[Property, Ruling], applied: tuple[Applied, ...]) -> Ruling:
    ruling = decided.get(about)
    if ruling is None:
        return Ruling(None, None, (), _why_unknown(about, applied))
    attained = decided.get(Property.MINIMUM_ATTAINED)
    empty = attained is not None and attained.value is False
    if about is Property.NO_SPURIOUS_LOCAL_MINIMA and ruling.value is True and empty:
        reason = "a local minimum would be global, and the infimum is not attained: there is none"
        return Ruling(True, ruling.evidence, ruling.because, reason, vacuous=True)
    return ruling


def _why_unknown(about: Property, applied: tuple[Applied, ...]) -> str:
    """The theorems that come closest: those that only unknown hypotheses, or their status, keep from deciding."""
    waiting = [
        item.theorem.id
        for item in applied
        if item.applies is None
        and item.theorem.status in DECIDING
        and any(conclusion.about is about for conclusion in item.theorem.conclusions)
    ]
    weak = [
        item.theorem.id
        for item in applied
        if item.applies is True
        and item.theorem.status is TheoremStatus.UNCONFIRMED
        and any(conclusion.about is about for conclusion in item.concludes)
    ]
    parts = ["no theorem of the catalogue decides it here"]
    if waiting:
        parts.append(f"hypotheses of {', '.join(waiting)} could not be decided")
    if weak:
        parts.append(f"{', '.join(weak)} would, but the source's hypotheses are not confirmed")
    return "; ".join(parts)
