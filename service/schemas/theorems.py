"""The catalogue of theorems on the wire."""

from pydantic import Field

from service.schemas.base import Wire
from service.vocabulary import Property, RankKind, TheoremStatus


class TheoremConclusion(Wire):
    """What a theorem says about a landscape, under further conditions if there are any."""

    property: Property = Field(strict=False)
    value: bool
    provided: list[str]


class Theorem(Wire):
    """A theorem that answers cite by `id`."""

    id: str
    title: str
    statement: str
    source: str
    status: TheoremStatus = Field(strict=False)
    hypotheses: list[str]
    page: str = Field(description="Page of the documentation with the proof.")
    conclusions: list[TheoremConclusion] = Field(description="What follows for the verdicts on a landscape.")
    caution: str = Field(description="A conclusion that is often drawn from it and does not follow.")
    rank_kind: RankKind | None = Field(
        default=None, strict=False, description="Only of a rank rule: the kind of statement about ranks."
    )
    certificate: str | None = Field(
        default=None, description="Only of a rank rule: the quantity to measure during training."
    )


class TheoremList(Wire):
    """The whole catalogue."""

    theorems: list[Theorem]
