"""Batches as a plan: a few problems a chunk, or one chunk for what is computed together."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from service.operations.answered import SweepTable
from service.operations.mapping.locations import located, numbered
from service.operations.minima import minima
from service.operations.minima_batch import Batch, minima_sweep, minima_table, parse_batch
from service.operations.plans.columns import with_nulls
from service.operations.plans.plan import Arrays, Chunk, Json, Plan, Work, Written
from service.operations.plans.whole import only
from service.operations.questions import limits_of, question_of
from service.schemas.batch import VariedRequest
from service.schemas.minima import MinimaAnswer
from service.schemas.request import MinimaRequest
from service.settings import Limits

PROBLEMS_A_CHUNK: Final = 16


def batch_plan(request: Batch | VariedRequest, limits: Limits) -> Plan:
    """Cut a batch into chunks."""
    return cut(question_of(request, limits))


def cut(question: Mapping[str, Json]) -> Plan:
    """Cut a stored batch into chunks."""
    asked, told = question["question"], question["limits"]
    if "problems" not in asked:
        return Plan([Chunk("sweep", question)], "only")
    if "return" in asked:
        return Plan([Chunk("table", question)], "only")
    problems = asked["problems"]
    chunks = [
        Chunk("problems", {"first": first, "problems": problems[first : first + PROBLEMS_A_CHUNK], "limits": told})
        for first in range(0, len(problems), PROBLEMS_A_CHUNK)
    ]
    return Plan(chunks, "answers")


def compute_problems(arguments: Mapping[str, Json], _arrays: Arrays, _inputs: Sequence[Json]) -> list[MinimaAnswer]:
    """Full answers of a few problems."""
    limits = limits_of(arguments)
    answers: list[MinimaAnswer] = []
    for index, problem in enumerate(arguments["problems"], int(arguments["first"])):
        with located(("problems", index)), numbered(index):
            answers.append(minima(MinimaRequest.model_validate(problem), limits))
    return answers


def answers(_arguments: Mapping[str, Json], _arrays: Arrays, inputs: Sequence[Json]) -> Written:
    """All answers in order."""
    return Written({"answers": [answer for part in inputs for answer in part]})


def compute_sweep(arguments: Mapping[str, Json], _arrays: Arrays, _inputs: Sequence[Json]) -> Written:
    """Columns of one problem with a parameter that varies."""
    return _written(minima_sweep(VariedRequest.model_validate(arguments["question"]), limits_of(arguments)))


def compute_table(arguments: Mapping[str, Json], _arrays: Arrays, _inputs: Sequence[Json]) -> Written:
    """Columns of independent problems."""
    limits = limits_of(arguments)
    asked: Any = parse_batch(arguments["question"], limits).request
    return _written(minima_table(asked, limits))


def _written(table: SweepTable) -> Written:
    """A table, whose header is a model and whose columns are checked arrays, as JSON."""
    return Written(
        {**table.header.document(), "results": {name: with_nulls(each) for name, each in table.columns.items()}}
    )


WORK: Final = Work(
    batch_plan,
    {
        "problems": compute_problems,
        "answers": answers,
        "sweep": compute_sweep,
        "table": compute_table,
        "only": only,
    },
    longest_chunk_s=60.0,
    cut=cut,
)
