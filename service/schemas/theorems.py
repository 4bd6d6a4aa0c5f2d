"""The catalogue of theorems on the wire."""

from pydantic import Field

from service.schemas.base import Wire
from service.vocabulary import Property, RankKind, TheoremStatus


class TheoremConclusion(Wire):
    """What a theorem says about a landscape, under further conditions if there are any."""

    property: Property = Field(strict=False, description="The property of the landscape.")
    value: bool = Field(description="Whether the landscape then has the property.")
    provided: list[str] = Field(description="Names of the further hypotheses.")


class Theorem(Wire):
    """A theorem that answers cite by `id`."""

    id: str = Field(description="Id by which answers cite it.")
    title: str = Field(description="What it says, in one line.")
    statement: str = Field(description="The theorem with its formula.")
    source: str = Field(description="Paper and theorem, or `derived` with the page that proves it.")
    status: TheoremStatus = Field(strict=False, description="How far the theorem is confirmed.")
    hypotheses: list[str] = Field(description="Names of its hypotheses.")
    page: str = Field(description="Page of the documentation with the proof; empty where there is none.")
    conclusions: list[TheoremConclusion] = Field(description="What follows for the verdicts on a landscape.")
    caution: str = Field(
        description="A conclusion that is often drawn from it and does not follow; empty where there is none."
    )
    rank_kind: RankKind | None = Field(
        default=None, strict=False, description="Only of a rank rule: the kind of statement about ranks."
    )
    certificate: str | None = Field(
        default=None, description="Only of a rank rule: the quantity to measure during training."
    )


class TheoremList(Wire):
    """The whole catalogue."""

    theorems: list[Theorem] = Field(description="Every theorem and rank rule.")
