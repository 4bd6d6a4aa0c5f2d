"""The catalogue of theorems on the wire."""

from pydantic import Field

from service.schemas.base import Wire
from service.vocabulary import TheoremStatus


class Theorem(Wire):
    """A theorem that answers cite by `id`."""

    id: str
    title: str
    statement: str
    source: str
    status: TheoremStatus = Field(strict=False)
    hypotheses: list[str]
    page: str = Field(description="Page of the documentation with the proof.")


class TheoremList(Wire):
    """The whole catalogue."""

    theorems: list[Theorem]
