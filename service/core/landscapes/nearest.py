"""What would decide an unknown verdict: theorems that miss a hypothesis or two, and changes that make these hold."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from service.core.ground.problems import Problem
from service.core.ground.rules import Conclusion, Finding, Hypothesis, Theorem
from service.core.landscapes import hypotheses as on
from service.core.landscapes.remedies import CHANGES
from service.core.landscapes.verdicts import DECIDING, DENSE, Applied
from service.vocabulary import Property

MOST: Final = 3
"""Theorems that are named for a property."""
TOGETHER: Final = 2
"""Hypotheses that a theorem may miss."""


@dataclass(frozen=True, slots=True)
class Lacking:
    """A hypothesis that fails or is unknown, and a change after which it holds, in words; empty if none is known."""

    finding: Finding
    remedy: str


@dataclass(frozen=True, slots=True)
class Near:
    """A theorem that one hypothesis, or two, keep from deciding.

    Attributes
    ----------
    theorem : Theorem
    value : bool
        What it would say of the property.
    missing : tuple of Lacking
    changed : Problem or None
        The problem after all remedies; None where one is not known.
    """

    theorem: Theorem
    value: bool
    missing: tuple[Lacking, ...]
    changed: Problem | None


def nearest(about: Property, applied: Iterable[Applied], problem: Problem) -> tuple[Near, ...]:
    """At most `MOST` theorems for a property that none decides: those that lack least first, then those with remedies.

    Each remedy was tried on the hypotheses that are missing and on the conditions of the conclusion; that the other
    hypotheses still hold is held by tests.
    """
    candidates = []
    for item in applied:
        says = [conclusion for conclusion in item.theorem.conclusions if conclusion.about is about]
        missing = [finding for finding in item.findings if finding.judgement.holds is not True]
        names = {finding.name for finding in missing}
        if DENSE.name in names:
            # dense layers instead of convolutions are another network
            continue
        if item.theorem.status in DECIDING and says and len(missing) <= TOGETHER and on.NO_HIDDEN.name not in names:
            candidates.append((item.theorem, says[0], missing))
    found: list[Near] = []
    # the order of the catalogue among equals
    for theorem, conclusion, missing in sorted(candidates, key=lambda candidate: len(candidate[2])):
        if sum(near.changed is not None for near in found) == MOST:
            break
        near = _near(theorem, conclusion, missing, problem)
        # of two that are missing both must be worth changing
        if len(missing) == 1 or near.changed is not None:
            found.append(near)
    return tuple(sorted(found, key=lambda near: (len(near.missing), near.changed is None))[:MOST])


def _near(theorem: Theorem, says: Conclusion, missing: Sequence[Finding], problem: Problem) -> Near:
    changed: Problem | None = problem
    told = []
    for finding in missing:
        words, after = ("", None) if changed is None else _remedy(_of(theorem, finding), changed)
        told.append(Lacking(finding, words))
        changed = after
    if changed is not None:
        # the second change must not undo the first
        wanted = (*(_of(theorem, one) for one in missing), *says.provided)
        if not all(one.check(changed).holds is True for one in wanted):
            return Near(theorem, says.value, tuple(Lacking(one.finding, "") for one in told), None)
    return Near(theorem, says.value, tuple(told), changed)


def _of(theorem: Theorem, finding: Finding) -> Hypothesis:
    return next(one for one in theorem.hypotheses if one.name == finding.name)


def _remedy(hypothesis: Hypothesis, problem: Problem) -> tuple[str, Problem | None]:
    for change in CHANGES.get(hypothesis.name, ()):
        for changed, words in change(problem):
            if hypothesis.check(changed).holds is True:
                return words, changed
    return "", None
