"""How curved the minimum is: the part `flatness` of the answer of `/v1/minima`."""

from typing import Final

from pydantic import Field

from service.schemas.base import Number, Reasons, Wire
from service.vocabulary import Evidence

IN_CONVENTION: Final = "in the convention of the request"


class MinimumFlatness(Wire):
    """Curvature of the returned weights and of the flattest minimum, and the steps that gradient descent can take.

    All numbers but the kernel's are those of the caller's objective: a step of gradient descent on it.
    """

    sharpness: Number | None = Field(
        description="Largest Hessian eigenvalue at the returned weights; null with a reason where it was not computed."
    )
    sharpness_evidence: Evidence | None = Field(
        strict=False, description="`certified` from all eigenvalues, `observed` where Lanczos converged to the largest."
    )
    stable_step: Number | None = Field(
        description="2 / `sharpness`: with larger steps gradient descent leaves the returned weights."
    )
    least_sharpness: Number | None = Field(
        description="Sharpness of the flattest global minimum; null with a reason where it is not known."
    )
    least_sharpness_lower_bound: Number | None = Field(
        description="No global minimum is flatter; null where `least_sharpness` is."
    )
    evidence: Evidence | None = Field(
        strict=False,
        description="How `least_sharpness` is known: `proved` by a closed form, `certified` where the lower bound "
        "meets it, `observed` where a gap to the lower bound is open, or Lanczos found it.",
    )
    because: str | None = Field(description="What decides `least_sharpness`, in words.")
    largest_step: Number | None = Field(
        description="2 / `least_sharpness`: the largest constant step with which some global minimum is stable under "
        "gradient descent; null with a reason where it is not known or there is none."
    )
    largest_step_upper_bound: Number | None = Field(
        description="2 / `least_sharpness_lower_bound`: with larger steps every global minimum is unstable."
    )
    gauss_newton_spectrum: list[Number] | None = Field(
        description="Eigenvalues of the Gauss-Newton matrix at the returned weights that are not zero, descending; "
        "null with a reason where they were not computed."
    )
    ntk_spectrum: list[Number] | None = Field(
        description="Eigenvalues of the tangent kernel at the returned weights, its Gram matrix over samples and "
        "outputs divided by the number of samples, that are not zero, descending; no convention enters them."
    )
    reasons: Reasons
