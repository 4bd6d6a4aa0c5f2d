"""The data of a problem: samples, their triangular factor, their moments, a bundled example, or none."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from service.schemas.base import Integer, Matrix, Number, Targets, Vector, Wire
from service.vocabulary import Task


class EvaluationSamples(Wire):
    """Held-out samples."""

    kind: Literal["samples"] = Field(description="The held-out data are samples.")
    x: Matrix = Field(description="n x d.")
    y: Targets = Field(
        description="n x k, or n numbers for one output. One linear layer under a squared loss may have null in the "
        "place of a missing target: each output then sees the samples that have its target."
    )


class EvaluationMoments(Wire):
    """Moments of held-out data."""

    kind: Literal["moments"] = Field(description="The held-out data are second moments.")
    xx: Matrix = Field(description="E[x x^T], d x d.")
    xy: Matrix = Field(description="E[x y^T], d x k.")
    yy: Number = Field(description="E||y||^2.")
    n: Integer | None = Field(default=None, ge=1, le=10**15, description="Number of samples, where known.")
    x_mean: Vector | None = Field(
        default=None, description="Means of the d inputs; needed where the network has a bias."
    )
    y_mean: Vector | None = Field(
        default=None, description="Means of the k targets; needed where the network has a bias."
    )


class EvaluationFactor(Wire):
    """Held-out data as their factor."""

    kind: Literal["factor"] = Field(description="The held-out data are a triangular factor with means and scales.")
    n: Integer = Field(ge=1, le=10**15, description="Number of samples.")
    x_mean: Vector = Field(description="Means of the d inputs.")
    y_mean: Vector = Field(description="Means of the k targets.")
    scale: Vector = Field(
        description="d + k positive numbers, one for each column of [x y]. Powers of two near the standard "
        "deviations cause no rounding."
    )
    r: Matrix = Field(
        description="The triangular factor of the centred, scaled table: with Z the rows of [x y] less their means and "
        "divided by `scale`, r'r = Z'Z (sums over the samples, not means). (d + k) x (d + k), zeros below the diagonal."
    )
    classes: list[Integer] | None = Field(
        default=None,
        fail_fast=True,
        description="For one-hot targets: the label of each target, ascending. Held-out samples may then bring labels.",
    )


class EvaluationDataset(Wire):
    """Held-out data that were uploaded, see `/v1/datasets`."""

    kind: Literal["dataset"] = Field(description="The held-out data are an uploaded data set.")
    id: str = Field(max_length=100, description="Id of the data set, as `/v1/datasets` lists it.")


Evaluation: TypeAlias = Annotated[
    EvaluationSamples | EvaluationMoments | EvaluationFactor | EvaluationDataset, Field(discriminator="kind")
]
Standardise: TypeAlias = Annotated[
    bool,
    Field(
        description="Centre every input, and every numeric target, and divide it by its standard "
        "deviation (mean over the samples) before anything else. Held-out data are prepared by the same means and "
        "deviations. Losses and maps are those of the prepared numbers; the map is given back in the numbers as they "
        "were sent, too (`global_minimum.in_units_sent`)."
    ),
]


class Samples(EvaluationSamples):
    """The samples themselves."""

    standardise: Standardise = False
    task: Task = Field(
        default=Task.REGRESSION, strict=False, description="Whether the targets are numbers or labels of classes."
    )
    evaluation: Evaluation | None = Field(
        default=None, description="Held-out data, on which the fit is reported as well; left out: none."
    )


class Moments(EvaluationMoments):
    """Second moments, all that squared loss on a linear network depends on."""

    task: Task = Field(default=Task.REGRESSION, strict=False, description="Whether the targets are numbers or classes.")
    evaluation: Evaluation | None = Field(
        default=None, description="Held-out data, on which the fit is reported as well; left out: none."
    )


class Factor(EvaluationFactor):
    """The triangular factor of samples: all that squared loss on a linear network depends on, with every digit.

    What an upload keeps, and what can be computed where the samples are, so that they stay there. Raw moments lose the
    digits of what lies far from zero (dates, years, ids); a factor does not.
    """

    task: Task | None = Field(
        default=None, strict=False, description="Default: classification if there are classes, else regression."
    )
    evaluation: Evaluation | None = Field(
        default=None, description="Held-out data, on which the fit is reported as well; left out: none."
    )


class Example(Wire):
    """A bundled real data set, see `/v1/examples`."""

    kind: Literal["example"] = Field(description="The data are one of the bundled real data sets.")
    name: str = Field(max_length=100, description="Name of the data set, as `/v1/examples` lists it.")
    raw: bool = Field(default=False, description="The numbers as published; by default they are centred and scaled.")
    standardise: Standardise = False
    task: Task | None = Field(default=None, strict=False, description="Default: the task of the data set.")
    evaluation: Evaluation | None = Field(
        default=None, description="Held-out data, on which the fit is reported as well; left out: none."
    )


class DatasetReference(EvaluationDataset):
    """An uploaded data set, see `/v1/datasets`; answered as the factor or samples that were kept of it."""

    task: Task | None = Field(
        default=None, strict=False, description="Default: classification if the targets are one-hot, else regression."
    )
    evaluation: Evaluation | None = Field(
        default=None, description="Held-out data, on which the fit is reported as well; left out: none."
    )


class NoData(Wire):
    """Only the number of inputs; some analyses can speak without data."""

    kind: Literal["none"] = Field(description="There are no data; for what can be said of the network alone.")
    inputs: Integer = Field(ge=1, description="Number of inputs.")
    task: Task = Field(default=Task.REGRESSION, strict=False, description="Whether the targets are numbers or classes.")


Data: TypeAlias = Annotated[
    Samples | Moments | Factor | Example | DatasetReference | NoData, Field(discriminator="kind")
]
