"""Analyses of one problem, each in one chunk, so that any of them can be asked for with ``Prefer: respond-async``."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from service.jobs.heavy.requests import guarded, limits_of
from service.jobs.plans import Arrays, Chunk, Operation, Plan
from service.jobs.values import Json
from service.operations.diagnose import diagnose
from service.operations.landscape import landscape
from service.operations.minima import minima
from service.operations.ranks import ranks
from service.schemas.base import Wire
from service.schemas.diagnose import DiagnoseRequest
from service.schemas.landscape import LandscapeRequest
from service.schemas.ranks import RanksRequest
from service.schemas.request import MinimaRequest

LONGEST_S: Final = 60.0


def _analysis(name: str, model: type[Wire], compute: Callable[[Any, Any], Wire]) -> Operation:
    """The operation whose only chunk answers the question as a whole; its request is made by `requests.question`."""

    def answer(arguments: Mapping[str, Json], _arrays: Arrays, _inputs: Sequence[Json]) -> Json:
        found = compute(model.model_validate(arguments["question"]), limits_of(arguments))
        return json.loads(found.__pydantic_serializer__.to_json(found, exclude_unset=True))

    def plan(request: Mapping[str, Json]) -> Plan:
        return Plan([Chunk("answer", request)], "only")

    return Operation(name, plan, guarded({"answer": answer, "only": _only}), longest_chunk_s=LONGEST_S)


def _only(_arguments: Mapping[str, Json], _arrays: Arrays, inputs: Sequence[Json]) -> Json:
    return inputs[0]


MINIMA: Final = _analysis("minima", MinimaRequest, minima)
LANDSCAPE: Final = _analysis("landscape", LandscapeRequest, landscape)
RANKS: Final = _analysis("ranks", RanksRequest, ranks)
DIAGNOSE: Final = _analysis("diagnose", DiagnoseRequest, diagnose)
