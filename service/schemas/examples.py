"""The bundled data sets on the wire."""

from typing import Literal

from pydantic import Field

from service.schemas.base import Wire
from service.schemas.data import Samples
from service.vocabulary import Task


class ExampleSummary(Wire):
    """A bundled real data set; `{"kind": "example", "name": ...}` uses it in a problem."""

    name: str
    title: str
    task: Task = Field(strict=False)
    samples: int
    inputs: int
    targets: int
    source: str
    licence: str


class ExampleList(Wire):
    """All bundled data sets."""

    examples: list[ExampleSummary]


class ExampleAnswer(ExampleSummary):
    """A data set with its numbers, ready to stand as `data` in a problem."""

    preparation: Literal["raw", "centred and scaled"]
    columns: list[str] = Field(description="Names of the inputs.")
    target_names: list[str]
    data: Samples
