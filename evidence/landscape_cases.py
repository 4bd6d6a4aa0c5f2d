"""Every rule about landscapes on its own cases: the one where it holds, and the ones that break one hypothesis each."""

from collections import Counter

from service.core.catalogue import LANDSCAPE_RULES
from service.core.ground.rules import Theorem, examine
from service.vocabulary import ExemptionKind, TheoremStatus


def checked(rule: Theorem) -> tuple[int, int]:
    """Number of cases that behave as they must, and of all; a case that does not raises with its name."""
    unreachable = {
        name
        for name, exemption in rule.exempt.items()
        if exemption.kind in (ExemptionKind.NOT_DECIDABLE, ExemptionKind.NOT_EXPRESSIBLE)
    }
    failing = {one.name for one in examine(rule.hypotheses, rule.holds) if one.judgement.holds is not True}
    if not failing <= unreachable:
        raise AssertionError(f"{rule.id}: {failing - unreachable} fail where the rule must hold")
    applies, _ = rule.applies(rule.holds)
    if not failing and applies is not (rule.status is not TheoremStatus.SUPERSEDED):
        raise AssertionError(f"{rule.id} does not apply to its own case")
    for name, problem in rule.breaks.items():
        broken = {one.name for one in examine(rule.hypotheses, problem) if one.judgement.holds is not True}
        if name not in broken or not broken <= unreachable | {name} or rule.applies(problem)[0] is not False:
            raise AssertionError(f"{rule.id}: the case against {name!r} breaks {broken}")
    missing = {one.name for one in rule.hypotheses} - set(rule.breaks) - set(rule.exempt)
    if missing:
        raise AssertionError(f"{rule.id}: no case and no exemption for {missing}")
    return 1 + len(rule.breaks), len(rule.hypotheses)


def line(rule: Theorem) -> str:
    """One row of the table."""
    cases, hypotheses = checked(rule)
    kinds = Counter(exemption.kind for exemption in rule.exempt.values())
    exempt = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())) or "none"
    about = [f"{item.about}: {str(item.value).lower()}" for item in rule.conclusions]
    concludes = ", ".join(about) or "nothing about verdicts"
    head = f"| {rule.id} | {rule.title} | {rule.status} | {hypotheses}"
    return f"{head} | {cases} of {cases} | {exempt} | {concludes} |"


def report() -> str:
    """The table, in the order of the ids."""
    rows = sorted(LANDSCAPE_RULES, key=lambda rule: rule.id)
    counts = Counter(rule.status for rule in rows)
    total = sum(1 + len(rule.breaks) for rule in rows)
    by_status = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    superseded = [rule for rule in rows if rule.status is TheoremStatus.SUPERSEDED]
    return "\n".join(
        [
            f"{len(rows)} rules ({by_status}), {total}",
            "cases, all as they must be; one that is not would have stopped this report. A case either satisfies every",
            "hypothesis that a problem can satisfy, or breaks exactly one. A hypothesis without a case of its own is",
            "exempt: implied by another one, not decidable from a problem, or not expressible otherwise.",
            "",
            f"Listed and never applied: {', '.join(rule.id for rule in superseded)}.",
            "",
            "| rule | title | status | hypotheses | cases green | exempt | concludes |",
            "|---|---|---|---|---|---|---|",
            *(line(rule) for rule in rows),
        ]
    )
