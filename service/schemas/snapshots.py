"""Recorded weights of a training."""

from typing import Annotated, TypeAlias

from pydantic import Discriminator, Field, Tag

from service.schemas.base import Items, Matrix, Vector, VectorOrMatrix, Wire


def _form(value: object) -> str:
    return "numbered" if isinstance(value, dict) else "ordered"


LayerMatrices: TypeAlias = Annotated[
    Annotated[Items[Matrix], Tag("ordered")] | Annotated[dict[str, Matrix], Tag("numbered")], Discriminator(_form)
]
LayerVectors: TypeAlias = Annotated[
    Annotated[Items[Vector | None], Tag("ordered")] | Annotated[dict[str, Vector], Tag("numbered")],
    Discriminator(_form),
]
SkipWeights: TypeAlias = Annotated[
    Annotated[Items[VectorOrMatrix | None], Tag("ordered")] | Annotated[dict[str, VectorOrMatrix], Tag("numbered")],
    Discriminator(_form),
]


class Snapshot(Wire):
    """Weights at one moment; arrays as lists in order, or by number as text, which suits binary archives."""

    weights: LayerMatrices = Field(description="Width x inputs of each layer, as a list or from `1` on.")
    biases: LayerVectors | None = Field(
        default=None,
        description="Biases of each layer that has any, by layer as the weights; left out: no layer has any.",
    )
    skips: SkipWeights | None = Field(
        default=None,
        description="Weights of each trained skip, in the order of `network.skips`, as a list or from `1` on; "
        "left out: no skip is trained.",
    )
