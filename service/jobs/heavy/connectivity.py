"""Paths between minima as jobs: rounds of bending and a few trainings a chunk."""

from collections.abc import Mapping
from typing import Final

from service.jobs.heavy.requests import guarded, job_plan, limits_of, question
from service.jobs.plans import Operation, Plan
from service.jobs.values import Json
from service.operations.plans.connectivity import FUNCTIONS, connectivity_plan
from service.schemas.connectivity import ConnectivityRequest
from service.settings import Limits


def connectivity_request(asked: ConnectivityRequest, limits: Limits) -> dict[str, Json]:
    """Everything that decides connectivity, with its defaults."""
    return question(asked, limits)


def _plan(request: Mapping[str, Json]) -> Plan:
    asked = ConnectivityRequest.model_validate(request["question"])
    return job_plan(lambda: connectivity_plan(asked, limits_of(request)))


# One round or one training is never cut, and may be of many samples.
CONNECTIVITY: Final = Operation("connectivity", _plan, guarded(FUNCTIONS), longest_chunk_s=60.0)
