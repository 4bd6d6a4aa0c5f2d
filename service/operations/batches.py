"""A batch of problems: read, or refused problem by problem, stored, and read again where it is computed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from service.errors import InputError, LimitExceeded
from service.operations.mapping.locations import located
from service.operations.minima import parse
from service.operations.refusals import document_of
from service.schemas.base import Number
from service.schemas.batch import ProblemColumn, ProblemsOptions, VariedRequest
from service.schemas.parsing import Parsed, validated
from service.schemas.problem_details import ProblemDetails
from service.schemas.request import MinimaRequest
from service.settings import Limits

Entry: TypeAlias = Parsed[MinimaRequest] | ProblemDetails
"""A problem of a batch as it was read, or why it could not be."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Independent problems, each with its place in the body; ``columns`` are asked for instead of full answers."""

    problems: tuple[Entry, ...]
    time_limit_s: Number | None
    columns: tuple[ProblemColumn, ...] | None = None

    def stored(self) -> dict[str, Any]:
        """Everything that decides the answers, as `stored_batch` reads it."""
        found: dict[str, Any] = {"problems": [], "wrapped": []}
        refused: dict[str, Any] = {}
        for index, item in enumerate(self.problems):
            if isinstance(item, ProblemDetails):
                refused[str(index)] = item.model_dump(mode="json", exclude_unset=True)
                found["problems"].append(None)
                continue
            found["problems"].append(self._stored(item.request))
            if item.problem_at:
                # errors point into the body as it was sent
                found["wrapped"].append(index)
        if self.columns is not None:
            found["return"] = list(self.columns)
        return {**found, "refused": refused} if refused else found

    def _stored(self, request: MinimaRequest) -> dict[str, Any]:
        whole = request.stored()
        return whole if self.columns is None else {"problem": whole["problem"]}


def stored_batch(question: Mapping[str, Any]) -> Batch:
    """Invert `Batch.stored`."""
    entries = stored_entries(question["problems"], question)
    return Batch(tuple(entries), None, tuple(question["return"]) if "return" in question else None)


def stored_entries(problems: Sequence[Any], question: Mapping[str, Any], first: int = 0) -> list[Entry]:
    """Entries of a stored batch, from that with the index ``first`` on."""
    refused, wrapped = question.get("refused", {}), set(question["wrapped"])
    entries: list[Entry] = []
    for index, item in enumerate(problems, first):
        refusal = refused.get(str(index))
        if refusal is not None:
            entries.append(ProblemDetails.model_validate(refusal))
        else:
            request = MinimaRequest.model_validate(item)
            entries.append(Parsed(request, ("problem",) if index in wrapped else ()))
    return entries


def parse_batch(body: object, limits: Limits) -> Parsed[Batch] | Parsed[VariedRequest]:
    """Read either form; `InputError` with locations in ``body``, but for problems, whose errors are their answers."""
    if not isinstance(body, dict) or "problems" not in body:
        return Parsed(validated(VariedRequest, body), ("problem",))
    listed = body["problems"]
    options = validated(ProblemsOptions, {name: value for name, value in body.items() if name != "problems"})
    if not isinstance(listed, list) or not listed:
        raise InputError.at(("problems",), "must be an array of at least one problem")
    if len(listed) > limits.max_batch_problems:
        raise LimitExceeded(("problems",), "max_batch_problems", limits.max_batch_problems, "problems")
    columns = None if options.return_ is None else tuple(options.return_)
    entries = tuple(_entry(index, item, as_columns=columns is not None) for index, item in enumerate(listed))
    return Parsed(Batch(entries, options.time_limit_s, columns), ())


def _entry(index: int, item: object, *, as_columns: bool) -> Entry:
    try:
        with located(("problems", index)):
            parsed = parse(item)
            if as_columns:
                _refuse_options(parsed)
            return parsed
    except InputError as error:
        return document_of(error, index=index)


def _refuse_options(item: Parsed[MinimaRequest]) -> None:
    """A table has no place for details of a single problem."""
    given = sorted(item.request.model_fields_set - {"problem"})
    if given:
        name = "return" if given[0] == "return_" else given[0]
        raise InputError.at((name,), "belongs to full answers; leave it out or the columns of the batch's `return`")
