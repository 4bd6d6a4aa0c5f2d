"""Batches as jobs: a few problems a chunk, or one chunk for one problem with a parameter that varies."""

import json
from collections.abc import Mapping, Sequence
from typing import Final

from service.jobs.heavy.requests import guarded, limits_of, question
from service.jobs.plans import Arrays, Chunk, Operation, Plan
from service.jobs.values import Json
from service.operations.mapping.locations import located, numbered
from service.operations.mapping.sweep import SweepTable
from service.operations.minima import minima
from service.operations.minima_batch import Batch, minima_sweep, minima_table
from service.operations.plans.chunks import with_nulls
from service.schemas.batch import SweepRequest
from service.schemas.parsing import Parsed
from service.schemas.request import MinimaRequest
from service.settings import Limits

PROBLEMS_A_CHUNK: Final = 16


def batch_request(asked: Batch | SweepRequest, limits: Limits) -> dict[str, Json]:
    """Everything that decides the answer to a batch, with its defaults."""
    if isinstance(asked, SweepRequest):
        return question(asked, limits)
    problems = [question(item.request, limits)["question"] for item in asked.problems]
    asked_for: dict[str, Json] = {"problems": problems}
    if asked.columns is not None:
        asked_for["columns"] = list(asked.columns)
    return {"question": asked_for, "limits": Limits.model_validate(limits.model_dump()).model_dump()}


def _plan(request: Mapping[str, Json]) -> Plan:
    asked, limits = request["question"], request["limits"]
    if "problems" not in asked:
        return Plan([Chunk("sweep", request)], "only")
    if "columns" in asked:
        return Plan([Chunk("table", request)], "only")
    problems = asked["problems"]
    chunks = [
        Chunk("problems", {"first": first, "problems": problems[first : first + PROBLEMS_A_CHUNK], "limits": limits})
        for first in range(0, len(problems), PROBLEMS_A_CHUNK)
    ]
    return Plan(chunks, "answers")


def _problems(arguments: Mapping[str, Json], _arrays: Arrays, _inputs: Sequence[Json]) -> Json:
    limits, answers = limits_of(arguments), []
    for index, problem in enumerate(arguments["problems"], int(arguments["first"])):
        with located(("problems", index)), numbered(index):
            answer = minima(MinimaRequest.model_validate(problem), limits)
        answers.append(json.loads(answer.__pydantic_serializer__.to_json(answer, exclude_unset=True)))
    return answers


def _answers(_arguments: Mapping[str, Json], _arrays: Arrays, inputs: Sequence[Json]) -> Json:
    return {"answers": [answer for answers in inputs for answer in answers]}


def _sweep(arguments: Mapping[str, Json], _arrays: Arrays, _inputs: Sequence[Json]) -> Json:
    return _written(minima_sweep(SweepRequest.model_validate(arguments["question"]), limits_of(arguments)))


def _table(arguments: Mapping[str, Json], _arrays: Arrays, _inputs: Sequence[Json]) -> Json:
    asked = arguments["question"]
    problems = tuple(Parsed(MinimaRequest.model_validate(problem), ()) for problem in asked["problems"])
    return _written(minima_table(Batch(problems, None, tuple(asked["columns"])), limits_of(arguments)))


def _written(table: SweepTable) -> Json:
    header = table.header.model_dump(mode="json", exclude_unset=True)
    return {**header, "results": {name: with_nulls(column) for name, column in table.columns.items()}}


def _only(_arguments: Mapping[str, Json], _arrays: Arrays, inputs: Sequence[Json]) -> Json:
    return inputs[0]


FUNCTIONS: Final = guarded(
    {"problems": _problems, "answers": _answers, "sweep": _sweep, "table": _table, "only": _only}
)
MINIMA_BATCH: Final = Operation("minima_batch", _plan, FUNCTIONS, longest_chunk_s=60.0)
