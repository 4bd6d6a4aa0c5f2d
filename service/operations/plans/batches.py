"""Batches as a plan: a few problems a chunk, or one chunk for what is computed together."""

from collections.abc import Mapping, Sequence
from typing import Final

from service.operations.answered import SweepTable
from service.operations.batches import Batch, stored_batch, stored_entries
from service.operations.minima_batch import minima_or_refusal, minima_sweep, minima_table
from service.operations.plans.columns import with_nulls
from service.operations.plans.plan import Arrays, Chunk, Json, Plan, Work, Written
from service.operations.plans.whole import only
from service.operations.questions import limits_of, question_of
from service.schemas.batch import VariedRequest
from service.schemas.minima import MinimaAnswer
from service.schemas.problem_details import ProblemDetails
from service.settings import Limits

PROBLEMS_A_CHUNK: Final = 16


def batch_plan(request: Batch | VariedRequest, limits: Limits) -> Plan:
    """Cut a batch into chunks."""
    return cut(question_of(request, limits))


def cut(question: Mapping[str, Json]) -> Plan:
    """Cut a stored batch into chunks."""
    asked, limits = question["question"], question["limits"]
    if "problems" not in asked:
        return Plan([Chunk("sweep", question)], "only")
    if "return" in asked:
        return Plan([Chunk("table", question)], "only")
    problems, refused = asked["problems"], asked.get("refused", {})
    chunks = []
    for first in range(0, len(problems), PROBLEMS_A_CHUNK):
        places = range(first, first + PROBLEMS_A_CHUNK)
        own: dict[str, Json] = {"wrapped": [index for index in asked["wrapped"] if index in places]}
        known = {str(place): refused[str(place)] for place in places if str(place) in refused}
        if known:
            own["refused"] = known
        part = problems[first : first + PROBLEMS_A_CHUNK]
        chunks.append(Chunk("problems", {"first": first, "problems": part, "limits": limits, **own}))
    return Plan(chunks, "answers")


def compute_problems(
    arguments: Mapping[str, Json], _arrays: Arrays, _inputs: Sequence[Json]
) -> list[MinimaAnswer | ProblemDetails]:
    """Full answers of a few problems, or the documents of their refusals."""
    limits, first = limits_of(arguments), int(arguments["first"])
    entries = stored_entries(arguments["problems"], arguments, first)
    return [minima_or_refusal(entry, index, limits) for index, entry in enumerate(entries, first)]


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
