"""Analyses of one problem, each in one chunk, so that any of them can be asked for with ``Prefer: respond-async``."""

import json
from collections.abc import Mapping, Sequence
from typing import Final

from service.jobs.heavy.requests import guarded, limits_of
from service.jobs.plans import Arrays, Chunk, Operation, Plan
from service.jobs.values import Json
from service.operations.analyses import ANALYSES

LONGEST_S: Final = 60.0


def _operation(name: str) -> Operation:
    """The operation whose only chunk answers the question as a whole; its request is made by `requests.question`."""
    analysis = ANALYSES[name]

    def answer(arguments: Mapping[str, Json], _arrays: Arrays, _inputs: Sequence[Json]) -> Json:
        found = analysis.answer(analysis.request.model_validate(arguments["question"]), limits_of(arguments), ())
        return json.loads(found.__pydantic_serializer__.to_json(found, exclude_unset=True))

    def plan(request: Mapping[str, Json]) -> Plan:
        return Plan([Chunk("answer", request)], "only")

    return Operation(name, plan, guarded({"answer": answer, "only": _only}), longest_chunk_s=LONGEST_S)


def _only(_arguments: Mapping[str, Json], _arrays: Arrays, inputs: Sequence[Json]) -> Json:
    return inputs[0]


ANALYSES_AS_JOBS: Final[Mapping[str, Operation]] = {name: _operation(name) for name in ANALYSES}
