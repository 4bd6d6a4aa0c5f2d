"""The data of a problem: samples, their moments, a bundled example, or none."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from service.schemas.base import Integer, Matrix, Number, Vector, VectorOrMatrix, Wire
from service.vocabulary import Task


class EvaluationSamples(Wire):
    """Held-out samples."""

    kind: Literal["samples"]
    x: Matrix = Field(description="n x d.")
    y: VectorOrMatrix = Field(description="n x k, or n numbers for one output.")


class EvaluationMoments(Wire):
    """Moments of held-out data."""

    kind: Literal["moments"]
    xx: Matrix = Field(description="E[x x^T], d x d.")
    xy: Matrix = Field(description="E[x y^T], d x k.")
    yy: Number = Field(description="E||y||^2.")
    n: Integer | None = Field(default=None, ge=1, le=10**15, description="Number of samples, where known.")
    x_mean: Vector | None = None
    y_mean: Vector | None = None


class EvaluationDataset(Wire):
    """Held-out data that were uploaded, see `/v1/datasets`."""

    kind: Literal["dataset"]
    id: str = Field(max_length=100)


Evaluation: TypeAlias = Annotated[
    EvaluationSamples | EvaluationMoments | EvaluationDataset, Field(discriminator="kind")
]


class Samples(EvaluationSamples):
    """The samples themselves."""

    task: Task = Field(default=Task.REGRESSION, strict=False)
    evaluation: Evaluation | None = Field(
        default=None, description="Held-out data on which the fit is reported as well."
    )


class Moments(EvaluationMoments):
    """Second moments, all that squared loss on a linear network depends on."""

    task: Task = Field(default=Task.REGRESSION, strict=False)
    evaluation: Evaluation | None = Field(
        default=None, description="Held-out data on which the fit is reported as well."
    )


class Example(Wire):
    """A bundled real data set, see `/v1/examples`."""

    kind: Literal["example"]
    name: str = Field(max_length=100)
    raw: bool = Field(default=False, description="The numbers as published; by default they are centred and scaled.")
    task: Task | None = Field(default=None, strict=False, description="Default: the task of the data set.")
    evaluation: Evaluation | None = Field(
        default=None, description="Held-out data on which the fit is reported as well."
    )


class DatasetReference(EvaluationDataset):
    """An uploaded data set, see `/v1/datasets`; answered as the moments or samples that were kept of it."""

    task: Task | None = Field(
        default=None, strict=False, description="Default: classification if the targets are one-hot, else regression."
    )
    evaluation: Evaluation | None = Field(
        default=None, description="Held-out data on which the fit is reported as well."
    )


class NoData(Wire):
    """Only the number of inputs; some analyses can speak without data."""

    kind: Literal["none"]
    inputs: Integer = Field(ge=1)
    task: Task = Field(default=Task.REGRESSION, strict=False)


Data: TypeAlias = Annotated[Samples | Moments | Example | DatasetReference | NoData, Field(discriminator="kind")]
