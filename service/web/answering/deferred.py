"""The explicit table of analyses that run as jobs where the caller prefers it: how each reads its question."""

from collections.abc import Mapping
from typing import Final

from service.jobs.heavy.batches import batch_request
from service.jobs.heavy.requests import question
from service.operations import cost
from service.operations.analyses import ANALYSES, sizes_of
from service.operations.minima_batch import Batch, parse_batch
from service.settings import Settings
from service.web.answering.questions import Asked, Read


def _analysis(name: str) -> Read:
    analysis = ANALYSES[name]

    def read(body: object, settings: Settings) -> Asked:
        asked = analysis.parse(body).request
        return Asked(question(asked, settings), asked.time_limit_s, sizes_of(asked), cost_s=analysis.estimate_s(asked))

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
    **{name: _analysis(name) for name in ANALYSES},
    "minima_batch": _minima_batch,
}
