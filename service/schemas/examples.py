"""The bundled data sets on the wire."""

from typing import Literal

from pydantic import Field

from service.schemas.base import Wire
from service.schemas.data import Samples
from service.vocabulary import Task


class ExampleSummary(Wire):
    """A bundled real data set; `{"kind": "example", "name": ...}` uses it in a problem."""

    name: str = Field(description="Name by which a problem refers to it.")
    title: str = Field(description="What it is.")
    task: Task = Field(strict=False, description="Whether the targets are numbers or classes.")
    samples: int = Field(description="Number of samples.")
    inputs: int = Field(description="Number of inputs.")
    targets: int = Field(description="Number of targets.")
    source: str = Field(description="Where the numbers come from.")
    licence: str = Field(description="Licence of the numbers.")


class ExampleList(Wire):
    """All bundled data sets."""

    examples: list[ExampleSummary] = Field(description="All bundled data sets.")


class ExampleAnswer(ExampleSummary):
    """A data set with its numbers, ready to stand as `data` in a problem."""

    preparation: Literal["raw", "centred and scaled"] = Field(
        description="Whether the numbers are as published, or centred and scaled."
    )
    columns: list[str] = Field(description="Names of the inputs.")
    target_names: list[str] = Field(description="Names of the targets.")
    data: Samples = Field(description="The numbers, as the `data` of a problem.")
