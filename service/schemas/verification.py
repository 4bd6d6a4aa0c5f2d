"""What a verification covered and what it found."""

from typing import Literal

from pydantic import Field

from service.schemas.base import Number, Wire


class FieldCheck(Wire):
    """One field of an answer beside what the verifier found."""

    field: str
    claimed: Number | str
    found: Number | str
    agrees: bool
    how: Literal["recomputed", "solved again", "hashed"] = Field(
        description="`recomputed` from the weights and the data without a solver; `solved again` by this engine."
    )


class VerificationAnswer(Wire):
    """Whether every covered field agrees, and which fields were not covered."""

    agrees: bool
    checks: list[FieldCheck]
    not_covered: dict[str, str] = Field(description="Fields that were not checked, with the reason.")
    engine_version: str
