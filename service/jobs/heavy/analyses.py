"""Analyses that fit into one chunk, so that any of them can be asked for with ``Prefer: respond-async``."""

import json
from collections.abc import Mapping, Sequence
from typing import Final

from service.jobs.heavy.requests import limits_of, question
from service.jobs.plans import Arrays, Chunk, Operation, Plan
from service.jobs.values import Json
from service.operations.minima import minima
from service.schemas.request import MinimaRequest
from service.settings import Limits


def minima_request(asked: MinimaRequest, limits: Limits) -> dict[str, Json]:
    """Everything that decides the answer: the question with its defaults, and the limits it is held to."""
    return question(asked, limits)


def _minima(arguments: Mapping[str, Json], _arrays: Arrays, _inputs: Sequence[Json]) -> Json:
    asked = MinimaRequest.model_validate(arguments["question"])
    answer = minima(asked, limits_of(arguments))
    return json.loads(answer.__pydantic_serializer__.to_json(answer, exclude_unset=True))


def _only(_arguments: Mapping[str, Json], _arrays: Arrays, inputs: Sequence[Json]) -> Json:
    return inputs[0]


def _minima_plan(request: Mapping[str, Json]) -> Plan:
    return Plan([Chunk("minima", request)], "only")


MINIMA: Final = Operation("minima", _minima_plan, {"minima": _minima, "only": _only}, longest_chunk_s=60.0)
