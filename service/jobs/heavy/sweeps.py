"""Phase diagrams as jobs: blocks of the grid and traced boundaries."""

from collections.abc import Mapping
from typing import Final

from service.jobs.heavy.requests import guarded, job_plan, limits_of, question
from service.jobs.plans import Operation, Plan
from service.jobs.values import Json
from service.operations.plans.sweeps import FUNCTIONS, sweeps_plan
from service.schemas.sweeps import SweepsRequest
from service.settings import Limits


def sweeps_request(asked: SweepsRequest, limits: Limits) -> dict[str, Json]:
    """Everything that decides a phase diagram, with its defaults."""
    found = question(asked, limits)
    # The column that held-out data add by default is only added while nobody has named the columns.
    if "return_" not in asked.model_fields_set and getattr(asked.problem.data, "evaluation", None) is not None:
        found["question"]["return"].append("evaluation_fit")
    return found


def _plan(request: Mapping[str, Json]) -> Plan:
    asked = SweepsRequest.model_validate(request["question"])
    return job_plan(lambda: sweeps_plan(asked, limits_of(request)))


SWEEPS: Final = Operation("sweeps", _plan, guarded(FUNCTIONS), longest_chunk_s=30.0)
