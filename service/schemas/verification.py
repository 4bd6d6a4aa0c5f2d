"""What a verification covered and what it found."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from service.schemas.base import Number, Wire

Coverage: TypeAlias = Annotated[
    Literal["recomputed", "solved_again", "not_covered"],
    Field(
        description="`recomputed` from the returned weights and the problem, without a solver; `solved_again`: "
        "compared with what this engine answers to the same problem; `not_covered`: not checked."
    ),
]
How: TypeAlias = Literal["recomputed", "solved_again"]
Claimed: TypeAlias = bool | int | Number | str | None


class FieldCheck(Wire):
    """One field of an answer beside what the verifier found."""

    field: str = Field(description="Path in the answer.")
    claimed: Claimed = Field(
        description="The value at the path; null for null, for a whole array or object, and where the path does "
        "not exist."
    )
    found: Claimed = Field(description="The value of the verifier, its finding in words, or null.")
    agrees: bool = Field(description="Whether the two agree within the rounding of the answer.")
    how: How = Field(description="As in `fields`.")


class VerificationAnswer(Wire):
    """What became of every field of an answer."""

    outcome: Literal["agrees", "disagrees", "incomplete"] = Field(
        description="`disagrees` if a check failed; else `incomplete` if something is missing without which an answer "
        "cannot be recomputed (see `missing`); `agrees` only if nothing is."
    )
    agrees: bool = Field(description="Whether every check that could be made agrees; see `outcome`, too.")
    missing: dict[str, str] = Field(
        description="Each part that the answer lacks for being recomputed, with the reason."
    )
    checks: list[FieldCheck] = Field(description="Every comparison that was made.")
    fields: dict[str, Coverage] = Field(
        description="Every field of the answer, without indices of lists, and the weakest check that any of its "
        "entries had."
    )
    not_covered: dict[str, str] = Field(description="Why, for each field that is `not_covered`.")
    notes: list[str] = Field(description="Remarks, for example about an answer of another engine.")
    answer_engine_version: str = Field(
        description="The version of the engine that made the answer, as the answer states it."
    )
    engine_version: str = Field(description="The engine that verified it.")
