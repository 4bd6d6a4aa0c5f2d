"""The catalogue of theorems."""

from typing import Any, Final

from service.core import rules
from service.core.catalogue import THEOREMS
from service.errors import NotFound
from service.schemas.theorems import Theorem, TheoremList

HEADING: Final = """# Theorems

Written by `minima openapi` from the catalogue; the same table answers `/v1/theorems`. Under each theorem stand its
hypotheses, each a predicate that answers yes, no or unknown with the numbers that decided, and the verdicts it implies.
Only proved and confirmed theorems decide a verdict; unconfirmed ones are told beside them, superseded ones never apply.

"""


def theorems() -> TheoremList:
    """Every theorem that answers can cite."""
    return TheoremList.model_validate({"theorems": [_document(row) for row in THEOREMS]})


def theorem(theorem_id: str) -> Theorem:
    """One theorem; raises `NotFound`."""
    for row in THEOREMS:
        if row.id == theorem_id:
            return Theorem.model_validate(_document(row))
    raise NotFound("there is no theorem of this id")


def page() -> str:
    """The whole catalogue as Markdown, in the order of the table."""
    return HEADING + "\n".join(_section(row) for row in THEOREMS)


def _section(row: rules.Theorem) -> str:
    lines = [f"## {row.id}: {row.title}", "", f"*{row.status}*. Source: {row.source}.", "", row.statement, ""]
    lines += [f"- {hypothesis.name}{_exemption(row, hypothesis.name)}" for hypothesis in row.hypotheses]
    lines += ["", *(_conclusion(conclusion) for conclusion in row.conclusions)]
    if row.conclusions:
        lines.append("")
    if row.caution:
        lines += [f"Caution: {row.caution}.", ""]
    return "\n".join(lines)


def _exemption(row: rules.Theorem, name: str) -> str:
    exemption = row.exempt.get(name)
    return "" if exemption is None else f" ({exemption.kind.replace('_', ' ')}: {exemption.detail})"


def _conclusion(conclusion: rules.Conclusion) -> str:
    provided = ", ".join(hypothesis.name for hypothesis in conclusion.provided)
    condition = f" provided: {provided}" if provided else ""
    return f"=> `{conclusion.about}`: {str(conclusion.value).lower()}{condition}  "


def _document(row: rules.Theorem) -> dict[str, Any]:
    return {
        "id": row.id,
        "title": row.title,
        "statement": row.statement,
        "source": row.source,
        "status": row.status,
        "hypotheses": [hypothesis.name for hypothesis in row.hypotheses],
        "page": row.page,
        "conclusions": [
            {
                "property": conclusion.about,
                "value": conclusion.value,
                "provided": [hypothesis.name for hypothesis in conclusion.provided],
            }
            for conclusion in row.conclusions
        ],
        "caution": row.caution,
    }
