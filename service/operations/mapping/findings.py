"""What a verification finds on its way, and the report that it makes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

import numpy as np

from service.operations.mapping.again import why_not_compared
from service.operations.mapping.fields import Leaf, ancestors, covers, general, shown
from service.schemas.minima import MinimaAnswer
from service.schemas.relu import ReluMinimaAnswer
from service.schemas.verification import Coverage, FieldCheck, How, VerificationAnswer

LEAST: Final[tuple[Coverage, ...]] = ("not_covered", "solved_again", "recomputed")
"""Words for what was done for a field, the least first."""


AnswerT = TypeVar("AnswerT", MinimaAnswer, ReluMinimaAnswer)


@dataclass
class Findings(Generic[AnswerT]):
    """What is collected on the way to a report.

    Attributes
    ----------
    answer : MinimaAnswer or ReluMinimaAnswer
    claimed : mapping
        Path to what stands there, without the problem.
    engine_version : str
        Of the engine that verifies.
    checks : list
    missing, reasons : dict
        What is missing, and why fields were not recomputed.
    notes : list of str
    """

    answer: AnswerT
    claimed: Mapping[str, Leaf]
    engine_version: str
    checks: list[FieldCheck] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def same_engine(self) -> bool:
        """Whether the answer says it is of this engine."""
        return self.answer.engine_version == self.engine_version

    @property
    def closed(self) -> bool:
        """Whether the answer claims a closed gap."""
        return self.answer.certificate.kind == "certified"

    def check(self, path: str, found: float | bool | str | None, agrees: bool, how: How = "recomputed") -> None:
        """Note what was found at a path; what is not a JSON number is reported in words."""
        if isinstance(found, float) and not np.isfinite(found):
            found, agrees = "beyond double precision", False
        claimed = shown(self.claimed, path)
        self.checks.append(FieldCheck(field=path, claimed=claimed, found=found, agrees=bool(agrees), how=how))


def report(findings: Findings[AnswerT]) -> VerificationAnswer:
    """The report: a failed check decides, then what is missing."""
    _refuse_silent_nulls(findings)
    fields, not_covered = _coverage(findings)
    agrees = all(item.agrees for item in findings.checks)
    return VerificationAnswer(
        outcome="disagrees" if not agrees else "incomplete" if findings.missing else "agrees",
        agrees=agrees,
        missing=findings.missing,
        checks=findings.checks,
        fields=fields,
        not_covered=not_covered,
        notes=list(dict.fromkeys(findings.notes)),
        answer_engine_version=findings.answer.engine_version,
        engine_version=findings.engine_version,
    )


def _refuse_silent_nulls(findings: Findings[AnswerT]) -> None:
    """No engine leaves a field null without its reason: such a field was taken out of an answer."""
    for path, leaf in findings.claimed.items():
        parent, _, name = path.rpartition(".")
        reason = f"{parent}.reasons.{name}" if parent else f"reasons.{name}"
        if leaf is None and not path.endswith("]") and not findings.claimed.get(reason):
            findings.check(path, "a number, or null with a reason", agrees=False)


def _coverage(findings: Findings[AnswerT]) -> tuple[dict[str, Coverage], dict[str, str]]:
    """For each field the least that was done for any of its places, and why it is not covered."""
    done: dict[str, Coverage] = {item.field: item.how for item in findings.checks if item.how == "solved_again"}
    done |= {item.field: item.how for item in findings.checks if item.how == "recomputed"}
    fields: dict[str, Coverage] = {}
    for path in findings.claimed:
        word = max((done[at] for at in ancestors(path) if at in done), key=LEAST.index, default=LEAST[0])
        name = general(path)
        fields[name] = min(fields.get(name, word), word, key=LEAST.index)
    if findings.answer.problem is not None:
        fields["problem"] = done.get("problem_hash", "not_covered")
    return fields, {name: _why_not(findings, name) for name, word in fields.items() if word == "not_covered"}


def _why_not(findings: Findings[AnswerT], name: str) -> str:
    known = {**findings.missing, **findings.reasons}
    reason = next((why for at, why in known.items() if covers(at, name)), "")
    reason = reason or why_not_compared(name, same_engine=findings.same_engine, closed=findings.closed)
    return reason or "; ".join(findings.missing.values()) or "this engine does not return it"
