"""The certificate of a minimum and the hypotheses behind it."""

from typing import Literal, TypeAlias

from pydantic import Field

from service.schemas.base import Number, Wire

Fact: TypeAlias = bool | int | Number | str


class Check(Wire):
    """A quantity and the tolerance that it must not exceed."""

    name: str = Field(description="Name of the check.")
    value: Number = Field(description="The quantity that was computed from the returned weights.")
    tolerance: Number = Field(description="The largest value that passes.")
    passed: bool = Field(description="Whether the value is at most the tolerance.")


class Certificate(Wire):
    """Two bounds that meet: the exact loss of the returned weights, and a bound that no weights go below."""

    kind: Literal["certified", "bounded"] = Field(description="`certified` if the gap is closed and each check passed.")
    upper_bound: Number = Field(description="Upper bound on the exact loss of the returned weights, rounding included.")
    lower_bound: Number = Field(description="Lower bound on the loss of all weights; it accounts for all rounding.")
    relative_gap: Number = Field(
        description="(upper - lower) / max(|upper|, 1e-6 yy), yy about the mean where a bias makes the mean free."
    )
    norm_limit: Number | None = Field(
        default=None,
        description="Present where inputs are collinear to working precision and nothing is decayed: the lower bound "
        "then holds for end-to-end maps of Frobenius norm up to this.",
    )
    tolerance: Number = Field(description="Relative gap up to which the gap counts as closed.")
    rounding_allowance: Number = Field(
        description="What rounding can amount to in both bounds, in units of the loss; the bounds include it."
    )
    method: str = Field(description="How the lower bound was found, in words.")
    checks: list[Check] = Field(description="Everything that was checked of the returned weights.")


class HypothesisFinding(Wire):
    """A hypothesis of the solver with what decided it."""

    name: str = Field(description="Name of the hypothesis.")
    holds: bool | None = Field(description="Whether it holds; null if that is unknown, which `reason` explains.")
    evidence: dict[str, Fact] = Field(description="The numbers and words that decided, by name.")
    reason: str = Field(default="", description="The reason why it fails or is unknown.")
