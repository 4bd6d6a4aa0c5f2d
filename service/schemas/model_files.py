"""What a model file was read as."""

from typing import Annotated, TypeAlias

from pydantic import Field

from service.schemas.base import Integer, Items, Wire


class ReadLayer(Wire):
    """A layer of the file."""

    name: str = Field(description="Its name in the file.")
    shape: list[Integer] = Field(description="Outputs and inputs; of a convolution, channels and what one place reads.")
    bias: bool = Field(description="Whether it has a bias vector.")
    activation: str = Field(description="What follows it; `linear` where the file says nothing.")


class ReadModel(Wire):
    """A model file as it was read."""

    format: str = Field(description="`safetensors`, `npz` or `onnx`.")
    layers: Items[ReadLayer] = Field(min_length=1, description="From the input to the output.")
    ignored: list[str] = Field(default=[], description="What was left out of it, each with the reason.")


OfModel: TypeAlias = Annotated[
    ReadModel | None,
    Field(description="What the model file of the request was read as; absent where none was sent."),
]
