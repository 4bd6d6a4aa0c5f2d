"""Batches as a plan: a few problems a chunk, or one chunk for what is computed together."""

from collections.abc import Mapping, Sequence
from typing import Final

from service.operations.answered import SweepTable
from service.operations.minima_batch import (
    Batch,
    minima_or_refusal,
    minima_sweep,
    minima_table,
    stored_batch,
)
from service.operations.plans.columns import with_nulls
from service.operations.plans.plan import Arrays, Chunk, Json, Plan, Work, Written
from service.operations.plans.whole import only
from service.operations.questions import limits_of, question_of
from service.schemas.batch import VariedRequest
from service.schemas.minima import MinimaAnswer
from service.schemas.parsing import Parsed
from service.schemas.problem_details import ProblemDetails
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
    problems, refused = asked["problems"], asked.get("refused", {})
    chunks = []
    for first in range(0, len(problems), PROBLEMS_A_CHUNK):
        arguments = {"first": first, "problems": problems[first : first + PROBLEMS_A_CHUNK], "limits": told}
        places = map(str, range(first, first + PROBLEMS_A_CHUNK))
        known = {place: refused[place] for place in places if place in refused}
        chunks.append(Chunk("problems", {**arguments, "refused": known} if known else arguments))
    return Plan(chunks, "answers")


def compute_problems(
    arguments: Mapping[str, Json], _arrays: Arrays, _inputs: Sequence[Json]
) -> list[MinimaAnswer | ProblemDetails]:
    """Full answers of a few problems, or the documents of their refusals."""
    limits, refused = limits_of(arguments), arguments.get("refused", {})
    answers: list[MinimaAnswer | ProblemDetails] = []
    for index, problem in enumerate(arguments["problems"], int(arguments["first"])):
        if str(index) in refused:
            answers.append(ProblemDetails.model_validate(refused[str(index)]))
        else:
            asked = Parsed(MinimaRequest.model_validate(problem), ("problem",))
            answers.append(minima_or_refusal(asked, index, limits))
    return answers


def answers(_arguments: Mapping[str, Json], _arrays: Arrays, inputs: Sequence[Json]) -> Written:
    """All answers in order."""
    return Written({"answers": [answer for part in inputs for answer in part]})


def compute_sweep(arguments: Mapping[str, Json], _arrays: Arrays, _inputs: Sequence[Json]) -> Written:
    """Columns of one problem with a parameter that varies."""
    return _written(minima_sweep(VariedRequest.model_validate(arguments["question"]), limits_of(arguments)))


def compute_table(arguments: Mapping[str, Json], _arrays: Arrays, _inputs: Sequence[Json]) -> Written:
    """Columns of independent problems."""
    return _written(minima_table(stored_batch(arguments["question"]), limits_of(arguments)))


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
