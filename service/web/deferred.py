"""The explicit table of analyses that run as jobs where the caller prefers it: how each reads its question."""

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from service.jobs.heavy.batches import batch_request
from service.jobs.heavy.requests import question
from service.operations import cost
from service.operations.diagnose import parse as parse_diagnose
from service.operations.landscape import parse as parse_landscape
from service.operations.minima import parse as parse_minima
from service.operations.minima_batch import Batch, parse_batch
from service.operations.ranks import parse as parse_ranks
from service.schemas.base import Wire
from service.schemas.parsing import Parsed
from service.settings import Settings
from service.web.questions import Asked, Read

WireT = TypeVar("WireT", bound=Wire)


def _one_problem(parse: Callable[[object], Parsed[WireT]], estimate_s: Callable[[WireT], float]) -> Read:
    def read(body: object, settings: Settings) -> Asked:
        asked = parse(body).request
        problem = asked.problem  # type: ignore[attr-defined]  # every request that `Parsed` holds has one
        sizes = {"data": problem.data.kind, "layers": len(problem.network.layers)}
        return Asked(question(asked, settings), asked.time_limit_s, sizes, cost_s=estimate_s(asked))  # type: ignore[attr-defined]  # as above

    return read


def _minima_batch(body: object, settings: Settings) -> Asked:
    asked = parse_batch(body, settings)
    # What an answer over HTTP may take is no limit of a job.
    limits = settings.model_copy(update={"max_seconds": settings.max_job_seconds})
    if isinstance(asked, Batch):
        sizes, cost_s = {"problems": len(asked.problems)}, asked.estimate_s()
    else:
        sizes, cost_s = {"layers": len(asked.problem.network.layers)}, cost.problem_s(asked.problem)
    return Asked(batch_request(asked, limits), asked.time_limit_s, sizes, cost_s=cost_s)


DEFERRED: Final[Mapping[str, Read]] = {
    "minima": _one_problem(parse_minima, cost.estimate_s),
    "minima_batch": _minima_batch,
    "landscape": _one_problem(parse_landscape, cost.landscape_s),
    "ranks": _one_problem(parse_ranks, cost.ranks_s),
    "diagnose": _one_problem(parse_diagnose, cost.diagnosis_s),
}
