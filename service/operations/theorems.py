"""The catalogue of theorems."""

from typing import Any

from service.core import rules
from service.core.catalogue import THEOREMS
from service.errors import NotFound
from service.schemas.theorems import Theorem, TheoremList


def theorems() -> TheoremList:
    """Every theorem that answers can cite."""
    return TheoremList.model_validate({"theorems": [_document(row) for row in THEOREMS]})


def theorem(theorem_id: str) -> Theorem:
    """One theorem; raises `NotFound`."""
    for row in THEOREMS:
        if row.id == theorem_id:
            return Theorem.model_validate(_document(row))
    raise NotFound("there is no theorem of this id")


def _document(row: rules.Theorem) -> dict[str, Any]:
    return {
        "id": row.id,
        "title": row.title,
        "statement": row.statement,
        "source": row.source,
        "status": row.status,
        "hypotheses": [hypothesis.name for hypothesis in row.hypotheses],
        "page": row.page,
    }
