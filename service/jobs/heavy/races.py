"""Races of optimisers as jobs: a few runs of one optimiser from one scheme a chunk."""

from collections.abc import Mapping
from typing import Final

from service.jobs.heavy.requests import guarded, job_plan, limits_of, question
from service.jobs.plans import Operation, Plan
from service.jobs.values import Json
from service.operations.plans.races import FUNCTIONS, races_plan
from service.schemas.races import RacesRequest
from service.settings import Limits


def races_request(asked: RacesRequest, limits: Limits) -> dict[str, Json]:
    """Everything that decides a race, with its defaults."""
    return question(asked, limits)


def _plan(request: Mapping[str, Json]) -> Plan:
    asked = RacesRequest.model_validate(request["question"])
    return job_plan(lambda: races_plan(asked, limits_of(request)))


# One run is never cut, and may have many steps of many weights.
RACES: Final = Operation("races", _plan, guarded(FUNCTIONS), longest_chunk_s=60.0)
