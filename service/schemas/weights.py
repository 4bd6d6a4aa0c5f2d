"""Weights on the wire: full matrices, or factors that stay small at any width."""

from typing import Annotated, TypeAlias

from pydantic import Discriminator, Field, Tag

from service.schemas.base import Integer, Matrix, Number, Vector, Wire


class UniformColumn(Wire):
    """A column of `length` equal entries."""

    uniform: Number = Field(description="The value of every entry.")
    length: Integer = Field(ge=1, description="Number of entries.")


def _factor_form(value: object) -> str:
    return "matrix" if isinstance(value, list) else "uniform"


Factor: TypeAlias = Annotated[
    Annotated[Matrix, Tag("matrix")] | Annotated[UniformColumn, Tag("uniform")], Discriminator(_factor_form)
]


class FactoredMatrix(Wire):
    """The matrix left diag(values) right^T."""

    shape: list[int] = Field(min_length=2, max_length=2, description="Rows and columns.")
    left: Factor = Field(description="Left factor, rows x rank.")
    values: list[Number] = Field(description="Diagonal between the factors.")
    right: Factor = Field(description="Right factor, columns x rank.")


def _weight_form(value: object) -> str:
    return "matrix" if isinstance(value, list) else "factors"


Weight: TypeAlias = Annotated[
    Annotated[Matrix, Tag("matrix")] | Annotated[FactoredMatrix, Tag("factors")], Discriminator(_weight_form)
]


def _bias_form(value: object) -> str:
    return "none" if value is None else "vector" if isinstance(value, list) else "factors"


BiasVector: TypeAlias = Annotated[
    Annotated[Vector, Tag("vector")] | Annotated[FactoredMatrix, Tag("factors")] | Annotated[None, Tag("none")],
    Discriminator(_bias_form),
]
