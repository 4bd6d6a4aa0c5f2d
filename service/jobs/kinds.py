"""The kinds of jobs: one for every row of the table of operations that may run as a job."""

from collections.abc import Mapping
from typing import Final

from service.jobs.kind import JobKind, KindTable
from service.jobs.values import Json
from service.operations.loaded import Loaded, load
from service.operations.plans.plan import Plan
from service.operations.questions import limits_of
from service.operations.table import OPERATIONS


def _kind(loaded: Loaded) -> JobKind:
    work = loaded.work
    assert work is not None, loaded.row.name  # noqa: S101 - `service.operations.checks` names a row without

    def plan(question: Mapping[str, Json]) -> Plan:
        if work.cut is not None:
            return work.cut(question)
        limits = limits_of(question)
        return work.plan(loaded.parse(question["question"], limits).request, limits)

    return JobKind(loaded.row.name, plan, work.guarded(), work.longest_chunk_s)


# made at once, so that a process from which workers are forked has imported all that they need
KINDS: Final[KindTable] = {row.name: _kind(load(row)) for row in OPERATIONS if row.job}
