"""The objective of a problem."""

from pydantic import Field

from service.schemas.base import Number, VectorOrMatrix, Wire
from service.vocabulary import Convention, Loss


class Objective(Wire):
    """What is minimised: a data term, scaled by convention, plus weight decay."""

    loss: Loss = Field(default=Loss.SQUARED, strict=False, description="The error of one sample.")
    weights: VectorOrMatrix | None = Field(
        default=None, description="Positive weights of the errors, k numbers or n x k; for `weighted_squared` only."
    )
    delta: Number | None = Field(
        default=None, gt=0, description="Error from which `huber` grows linearly, default 1; for `huber` only."
    )
    tau: Number | None = Field(
        default=None, gt=0, lt=1, description="Quantile that is predicted, default 1/2; for `quantile` only."
    )
    convention: Convention = Field(
        default=Convention.MEAN,
        strict=False,
        description="How errors of samples are added up, and what stands before the decay.",
    )
