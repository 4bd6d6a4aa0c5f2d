"""Slices of a landscape as jobs: blocks of rows."""

from collections.abc import Mapping
from typing import Final

from service.jobs.heavy.requests import guarded, job_plan, limits_of, question
from service.jobs.plans import Operation, Plan
from service.jobs.values import Json
from service.operations.plans.slices import FUNCTIONS, slices_plan
from service.schemas.slices import SlicesRequest
from service.settings import Limits


def slices_request(asked: SlicesRequest, limits: Limits) -> dict[str, Json]:
    """Everything that decides slices, with its defaults."""
    return question(asked, limits)


def _plan(request: Mapping[str, Json]) -> Plan:
    asked = SlicesRequest.model_validate(request["question"])
    return job_plan(lambda: slices_plan(asked, limits_of(request)))


# Training towards the point is never cut, and one row may be of many samples.
SLICES: Final = Operation("slices", _plan, guarded(FUNCTIONS), longest_chunk_s=60.0)
