"""The catalogue of theorems."""

from typing import Final

from service.core.catalogue import RANK_RULES, THEOREMS
from service.core.ground import rules
from service.core.ranks.rule import RankRule
from service.errors import NotFound
from service.schemas.theorems import Theorem, TheoremConclusion, TheoremList
from service.vocabulary import Property

HEADING: Final = """# Theorems

Written by `minima openapi` from the catalogue; the same table answers `/v1/theorems`. Under each theorem stand its
hypotheses, each a predicate that answers yes, no or unknown with the numbers that decided, and the verdicts it implies.
Only proved and confirmed theorems decide a verdict; unconfirmed ones are listed beside them, superseded ones
never apply.
Rank rules (K-...) say what training makes of the rank of each weight matrix: see `POST /v1/ranks`.

"""


def theorems(about: Property | None = None) -> TheoremList:
    """Every theorem that answers can cite, or those that conclude something about one property of landscapes."""
    if about is not None:
        return TheoremList(
            theorems=[_to_wire(row) for row in THEOREMS if about in {one.about for one in row.conclusions}]
        )
    return TheoremList(theorems=[*map(_to_wire, THEOREMS), *map(_rank_rule_to_wire, RANK_RULES)])


def theorem(theorem_id: str) -> Theorem:
    """One theorem; raises `NotFound`."""
    for row in THEOREMS:
        if row.id == theorem_id:
            return _to_wire(row)
    for rule in RANK_RULES:
        if rule.id == theorem_id:
            return _rank_rule_to_wire(rule)
    raise NotFound("there is no theorem of this id")


def page() -> str:
    """The whole catalogue as Markdown, in the order of the table."""
    return HEADING + "\n".join([*map(_section, THEOREMS), *map(_rank_section, RANK_RULES)])


def _section(row: rules.Theorem) -> str:
    lines = [f"## {row.id}: {row.title}", "", f"*{row.status}*. Source: {row.source}.", "", row.statement, ""]
    lines += [f"- {hypothesis.name}{_exemption(row, hypothesis.name)}" for hypothesis in row.hypotheses]
    lines += ["", *(_conclusion(conclusion) for conclusion in row.conclusions)]
    if row.conclusions:
        lines.append("")
    if row.caution:
        lines += [f"Caution: {row.caution}.", ""]
    return "\n".join(lines)


def _rank_section(rule: RankRule) -> str:
    lines = [f"## {rule.id}: {rule.title}", "", f"*{rule.status}*. Source: {rule.source}.", "", rule.statement, ""]
    for condition in rule.conditions:
        undecided = rule.not_decidable.get(condition.name)
        lines.append(f"- {condition.name}" + ("" if undecided is None else f" (not decidable: {undecided})"))
    return "\n".join([*lines, "", f"=> rank, `{rule.kind}`. To measure: {rule.certificate}.", ""])


def _exemption(row: rules.Theorem, name: str) -> str:
    exemption = row.exempt.get(name)
    return "" if exemption is None else f" ({exemption.kind.replace('_', ' ')}: {exemption.detail})"


def _conclusion(conclusion: rules.Conclusion) -> str:
    provided = ", ".join(hypothesis.name for hypothesis in conclusion.provided)
    condition = f" provided: {provided}" if provided else ""
    return f"=> `{conclusion.about}`: {str(conclusion.value).lower()}{condition}  "


def _rank_rule_to_wire(rule: RankRule) -> Theorem:
    return Theorem(
        id=rule.id,
        title=rule.title,
        statement=rule.statement,
        source=rule.source,
        status=rule.status,
        hypotheses=[condition.name for condition in rule.conditions],
        page=rule.page,
        conclusions=[],
        caution="",
        rank_kind=rule.kind,
        certificate=rule.certificate,
    )


def _to_wire(row: rules.Theorem) -> Theorem:
    return Theorem(
        id=row.id,
        title=row.title,
        statement=row.statement,
        source=row.source,
        status=row.status,
        hypotheses=[hypothesis.name for hypothesis in row.hypotheses],
        page=row.page,
        conclusions=[
            TheoremConclusion(
                property=conclusion.about,
                value=conclusion.value,
                provided=[hypothesis.name for hypothesis in conclusion.provided],
            )
            for conclusion in row.conclusions
        ],
        caution=row.caution,
    )
