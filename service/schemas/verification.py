"""What a verification covered and what it found."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from service.schemas.base import Number, Wire

Coverage: TypeAlias = Annotated[
    Literal["recomputed", "solved_again", "not_covered"],
    Field(
        description="`recomputed` from the returned weights and the problem, without a solver; `solved_again`: "
        "compared with what this engine answers to the same problem; `not_covered`: nothing is said."
    ),
]
Claimed: TypeAlias = bool | int | Number | str | None


class FieldCheck(Wire):
    """One field of an answer beside what the verifier found."""

    field: str = Field(description="Path in the answer.")
    claimed: Claimed = Field(
        description="What stands at the path; null for null, for an array or object as a whole, and where nothing is."
    )
    found: Claimed = Field(
        description="The value that the verifier has, what it saw in words, or null for null and for nothing."
    )
    agrees: bool
    how: Literal["recomputed", "solved_again"] = Field(description="As in `fields`.")


class VerificationAnswer(Wire):
    """What became of every field of an answer."""

    outcome: Literal["agrees", "disagrees", "incomplete"] = Field(
        description="`disagrees` if a check failed; else `incomplete` if something is missing without which an answer "
        "cannot be recomputed (see `missing`); `agrees` only if nothing is."
    )
    agrees: bool = Field(description="Whether every check that could be made agrees; see `outcome`, too.")
    missing: dict[str, str] = Field(description="What an answer that can be recomputed would hold, with the reason.")
    checks: list[FieldCheck]
    fields: dict[str, Coverage] = Field(
        description="Every field of the answer, places in its lists left out: the least that was done for any of them."
    )
    not_covered: dict[str, str] = Field(description="Why, for each field that is `not_covered`.")
    notes: list[str] = Field(description="What else should be known, for example about an answer of another engine.")
    answer_engine_version: str = Field(description="The engine that the answer says it is from.")
    engine_version: str = Field(description="The engine that verified it.")
