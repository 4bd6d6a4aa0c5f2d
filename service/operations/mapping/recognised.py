"""What a document is, so that what is not an answer of `/v1/minima` is refused by its name."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from service.errors import InputError
from service.operations.loaded import answers_of
from service.operations.rows import Operation
from service.operations.table import OPERATIONS
from service.schemas.base import Wire
from service.schemas.minima import MinimaAnswer
from service.schemas.relu import ReluMinimaAnswer

OWN: Final = frozenset({"status", "global_minimum", "certificate", "hypotheses", "numerics"})
"""Fields of an answer of `/v1/minima`, most of which no other document has."""
MOST: Final = 3
VERIFIED: Final = (MinimaAnswer, ReluMinimaAnswer)
OF_RELU: Final = frozenset({"global_minimum", "critical_decay", "missing_unit"})
"""Fields of an answer of `/v1/relu-minima` by which it is known."""

NO_OPERATION: Final[tuple[tuple[str, frozenset[str]], ...]] = (
    ("an answer of /v1/jobs", frozenset({"jobs"})),
    ("an answer of /v1/jobs", frozenset({"state", "chunks_done"})),
    ("an answer of /v1/datasets", frozenset({"datasets"})),
    ("an error of the service", frozenset({"type", "title", "detail"})),
    ("a problem, not an answer", frozenset({"problem"})),
    ("a problem, not an answer", frozenset({"network", "data"})),
)
"""What is not an answer of an operation, each with fields that tell it apart."""


@cache
def others() -> tuple[tuple[str, frozenset[str]], ...]:
    """What else there is, each with fields that tell it apart; the first that fits gives the name.

    An answer of an operation is known by the fields that it always has and that no answer of `/v1/minima` has.
    """
    minima = _required(MinimaAnswer)
    answers = [(row, model) for row in OPERATIONS for model in answers_of(row) if model not in VERIFIED]
    return (*((_called(row), _required(model) - minima or _required(model)) for row, model in answers), *NO_OPERATION)


def _called(row: Operation) -> str:
    return "a report of minima verify" if row.route is None else f"an answer of {row.route[1].partition('/{')[0]}"


def _required(model: type[Wire]) -> frozenset[str]:
    """Names on the wire of the fields that are always there."""
    fields = model.model_fields.items()
    return frozenset(str(field.validation_alias or name) for name, field in fields if field.is_required())


def is_relu(document: object) -> bool:
    """Whether a document is an answer about a certified ReLU network."""
    return isinstance(document, Mapping) and document.keys() >= OF_RELU


def refuse_others(document: object) -> None:
    """Raise an `InputError` that names what ``document`` is, if that is something else."""
    if not isinstance(document, Mapping):
        raise InputError.at((), "must be an object, namely an answer of /v1/minima")
    name = name_of(document)
    if name is not None:
        raise InputError.at((), f"is {name}; verify accepts answers of /v1/minima")


def name_of(document: Mapping[str, Any]) -> str | None:
    """What a document is; ``None`` for an answer of `/v1/minima` and for what nobody knows."""
    if len(OWN & document.keys()) >= MOST or is_relu(document):
        return None
    return next((name for name, fields in others() if fields <= document.keys()), None)
