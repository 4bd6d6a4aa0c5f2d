"""How flat a global minimum can be, on the wire."""

from pydantic import Field

from service.schemas.base import Number, Reasons, Wire
from service.vocabulary import Evidence


class LearningCoefficient(Wire):
    """How fast the volume of nearly optimal weights vanishes: as `eps^value (-log eps)^(multiplicity - 1)`."""

    value: Number | None = Field(
        description="The learning coefficient (real log canonical threshold) of the loss above its minimum; null with "
        "a reason where it is not known."
    )
    multiplicity: int | None = Field(description="Its multiplicity; null with the value.")
    evidence: Evidence | None = Field(
        strict=False,
        description="`proved` by a closed form, `certified` by the rank of a Hessian; null with the value.",
    )
    theorem: str | None = Field(description="Id of the theorem that gives it; null with the value.")
    reasons: Reasons


class Flatness(Wire):
    """How flat a global minimum can be; sharpness is the largest eigenvalue of the Hessian in all trained weights."""

    least_sharpness: Number | None = Field(
        description="Least sharpness of all global minima that is known to be reached; null with a reason where it "
        "is not known."
    )
    lower_bound: Number | None = Field(description="No global minimum is less sharp; null with the least sharpness.")
    evidence: Evidence | None = Field(
        strict=False,
        description="`certified` where the two agree to 1e-9, else `observed`; null with the least sharpness.",
    )
    theorem: str | None = Field(description="Id of the theorem that bounds it; null with the bound.")
    largest_step: Number | None = Field(
        description="2 / lower_bound: from almost every start gradient descent with a larger constant step does not "
        "converge to a global minimum. Null with a reason where no step is too large, or the bound is not known."
    )
    sharpness: Number | None = Field(
        description="That of the returned weights; null with a reason where it is not known."
    )
    sharpness_evidence: Evidence | None = Field(
        strict=False,
        description="`certified` where all eigenvalues were computed, `observed` by Lanczos; null with the sharpness.",
    )
    spectrum: list[Number] | None = Field(
        description="Eigenvalues of the Hessian at the flattest minimum, descending. Without decay those of the "
        "tangent kernel, one for each output and direction of the inputs; all others are zero. With decay those of the "
        "network whose hidden layers have one unit more than are used: further units repeat them. Null with a reason "
        "where they are not known."
    )
    layer_norms: list[Number] | None = Field(
        description="Frobenius norms of the layers at the flattest minimum; null with a reason where they are not "
        "known."
    )
    reasons: Reasons
