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
    caution: str = Field(description="What it does not say although it is easily read into it.")
    rank_kind: RankKind | None = Field(
        default=None, strict=False, description="Only of a rank rule: what sort of statement about ranks it makes."
    )
    certificate: str | None = Field(
        default=None, description="Only of a rank rule: what to measure during training to see it come true."
    )


class TheoremList(Wire):
    """The whole catalogue."""

    theorems: list[Theorem]
