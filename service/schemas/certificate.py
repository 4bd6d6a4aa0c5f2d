"""The certificate of a minimum and the hypotheses behind it."""

from typing import Literal, TypeAlias

from pydantic import Field

from service.schemas.base import Number, Wire

Fact: TypeAlias = bool | int | Number | str


class Check(Wire):
    """A quantity and the tolerance that it must not exceed."""

    name: str
    value: Number
    tolerance: Number
    passed: bool


class Certificate(Wire):
    """Two bounds that meet: the exact loss of the returned weights, and a bound that no weights go below."""

    kind: Literal["certified", "bounded"] = Field(description="`certified` if the gap is closed and each check passed.")
    upper_bound: Number
    lower_bound: Number = Field(description="Lower bound on the loss of all weights; it accounts for all rounding.")
    relative_gap: Number = Field(
        description="(upper - lower) / max(|upper|, 1e-6 yy), yy about the mean where a bias makes the mean free."
    )
    norm_limit: Number | None = Field(
        default=None,
        description="Present where inputs are collinear to working precision and nothing is decayed: the lower bound "
        "then holds for end-to-end maps of Frobenius norm up to this.",
    )
    tolerance: Number
    rounding_allowance: Number
    method: str
    checks: list[Check]


class HypothesisFinding(Wire):
    """A hypothesis of the solver with what decided it."""

    name: str
    holds: bool | None
    evidence: dict[str, Fact]
    reason: str = Field(default="", description="The reason why it fails or is unknown.")
