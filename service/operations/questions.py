"""A question as it is stored: everything that decides its answer, as JSON, and back."""

from collections.abc import Mapping
from typing import Any, Protocol

from service.settings import Limits


class Storable(Protocol):
    """A request that can be stored."""

    def stored(self) -> dict[str, Any]:
        """Everything in it that decides the answer, with its defaults."""
        ...


def question_of(request: Storable, limits: Limits) -> dict[str, Any]:
    """The request and the limits that it is held to."""
    return {"question": request.stored(), "limits": Limits.model_validate(limits.model_dump()).model_dump(mode="json")}


def limits_of(question: Mapping[str, Any]) -> Limits:
    """The limits in a question, whose canonical form knows one kind of number."""
    values: Mapping[str, Any] = question["limits"]
    return Limits.model_validate(
        {name: int(value) if float(value).is_integer() else value for name, value in values.items()}
    )
