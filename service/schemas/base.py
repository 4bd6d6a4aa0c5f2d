"""The base of every model on the wire, and the types of numbers and arrays."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Final, Literal, TypeAlias, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    FiniteFloat,
    Tag,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import PydanticKnownError

from service.vocabulary import Convention

T = TypeVar("T")
MAX_REPORTED: Final = 20
"""Errors of one body that are reported."""
LARGEST_INTEGER: Final = 2**63 - 1
"""Counts, widths and seeds beyond 64 bits mean nothing, and arithmetic of floats does not take integers of any size."""


def _integral(value: object) -> object:
    """JSON has one kind of number: 8.0 is the integer 8."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        if value < 0:
            raise PydanticKnownError("greater_than_equal", {"ge": -LARGEST_INTEGER})
        raise PydanticKnownError("less_than_equal", {"le": LARGEST_INTEGER})
    return value


def _until_reported(entries: object, validate: ValidatorFunctionWrapHandler) -> Any:
    """Validate some entries after others, and none behind those with enough errors to fill an answer.

    The library has one way to stop early, at the first error, which is too early for people.
    """
    if not isinstance(entries, list) or len(entries) <= MAX_REPORTED:
        return validate(entries)
    found: list[Any] = []
    for start in range(0, len(entries), MAX_REPORTED):
        end = start + MAX_REPORTED
        try:
            found += validate(entries[start:end])
        except ValidationError:
            # again from the beginning, so that errors have the places of the body
            return validate(entries[:end])
    return found


Items: TypeAlias = Annotated[list[T], WrapValidator(_until_reported)]
"""A list of objects, however long: validation stops where there are more errors than are reported."""
Number: TypeAlias = FiniteFloat
Integer: TypeAlias = Annotated[int, BeforeValidator(_integral)]
Vector: TypeAlias = Annotated[list[FiniteFloat], Field(min_length=1, fail_fast=True)]
Matrix: TypeAlias = Annotated[list[Vector], Field(min_length=1, fail_fast=True)]
Reasons: TypeAlias = Annotated[
    dict[str, str], Field(description="For each field of this object that is null: the reason why it has no value.")
]
Summary: TypeAlias = Annotated[
    list[str],
    Field(
        description="The answer in a few sentences, for people; programs read the fields, whose numbers these repeat."
    ),
]
EngineVersion: TypeAlias = Annotated[
    str, Field(description="Version of the engine that computed the answer; it rises when answers change.")
]
ProblemHash: TypeAlias = Annotated[
    str, Field(description="Hash of the problem with its defaults filled in: equal problems have equal hashes.")
]
TimeLimit: TypeAlias = Annotated[
    Number | None,
    Field(
        gt=0, description="Seconds that the computation may take, at most the server's own limit; left out: that limit."
    ),
]
Labels: TypeAlias = Annotated[list[int] | None, Field(description="The label of each output; for classification only.")]
OfRequest: TypeAlias = Annotated[
    Convention, Field(strict=False, description="The convention of the losses: that of the request.")
]


def _rank(value: object) -> str:
    is_matrix = isinstance(value, list) and len(value) > 0 and isinstance(value[0], list)
    return "matrix" if is_matrix else "vector"


VectorOrMatrix: TypeAlias = Annotated[
    Annotated[Vector, Tag("vector")] | Annotated[Matrix, Tag("matrix")],
    Discriminator(_rank),
]
_Targets: TypeAlias = Annotated[list[FiniteFloat | None], Field(min_length=1, fail_fast=True)]
Targets: TypeAlias = Annotated[
    Annotated[_Targets, Tag("vector")] | Annotated[list[_Targets], Field(min_length=1, fail_fast=True), Tag("matrix")],
    Discriminator(_rank),
]
"""A vector or a matrix in which numbers may be missing."""


class Wire(BaseModel):
    """A JSON object: no unknown fields, no coercion, no number that is not finite."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        allow_inf_nan=False,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        frozen=True,
    )
    ends_early: ClassVar[bool] = False
    """Whether a request's time limit decides its answer: a search ends then with what it has."""

    def stored(self) -> dict[str, Any]:
        """Everything that decides the answer to a request, with its defaults; how long it may take rarely does."""
        found = self.model_dump(mode="json", by_alias=True)
        if not self.ends_early or found.get("time_limit_s") is None:
            found.pop("time_limit_s", None)
        return found

    def document(self) -> dict[str, Any]:
        """An answer as JSON in which arrays stay arrays; fields that do not apply are left out."""
        return self.model_dump(exclude_unset=True)


WireT = TypeVar("WireT", bound=Wire)
NO_REASONS: Final[Mapping[str, str]] = {}


def applicable(answer: WireT, *optional: str) -> WireT:
    """An answer without those of the named fields that are None, or empty texts, and have no reason to be null.

    What does not apply is left out of an answer; what is missing is null, and `reasons` says why.
    """
    # what stands in the model itself: some dozen answers a request pass through here
    values = answer.__dict__
    for name in optional:
        value = values[name]
        if (value is None or (type(value) is str and not value)) and name not in values.get("reasons", NO_REASONS):
            answer.__pydantic_fields_set__.discard(name)
    return answer


def concise(sent: WireT) -> WireT:
    """A part of a request without the fields that have their defaults.

    A job knows a question with its defaults filled in, even if nobody sent them; an answer that repeats a part of it
    repeats this, so that it is the same however it was asked for.
    """
    repeated = sent.model_copy(update={name: _concise(value) for name, value in sent.__dict__.items()})
    said = {
        name
        for name, field in type(sent).model_fields.items()
        if field.is_required() or getattr(sent, name) != field.get_default(call_default_factory=True)
    }
    repeated.__pydantic_fields_set__.intersection_update(said)
    return repeated


def _concise(value: object) -> object:
    if isinstance(value, Wire):
        return concise(value)
    if isinstance(value, list) and value and isinstance(value[0], Wire):
        return [concise(entry) for entry in value]
    return value


def with_reasons(answer: WireT, why: Callable[[str], str]) -> WireT:
    """An answer with the reason of each of its fields that is null."""
    missing = [name for name in type(answer).model_fields if getattr(answer, name) is None]
    return answer.model_copy(update={"reasons": {name: why(name) for name in missing}})


def example(value: Mapping[str, Any]) -> ConfigDict:
    """Configuration that shows ``value`` as the example of a model in the OpenAPI document."""
    return ConfigDict(json_schema_extra={"examples": [dict(value)]})


class Execution(Wire):
    """Where an answer of a heavy operation was computed."""

    run_as: Literal["inline"] = Field(description="`inline`: computed while the caller waited, not as a job.")
    reason: str = Field(description="Why it was computed inline: the estimated time and the budget.")


Executed: TypeAlias = Annotated[
    Execution | None, Field(description="Absent from the result of a job; the status of the job has the reason.")
]
