"""Gradient flows as jobs: each chunk goes on from the state that the one before it stored."""

from collections.abc import Mapping
from typing import Final

from service.jobs.heavy.requests import guarded, job_plan, limits_of, question
from service.jobs.plans import Operation, Plan
from service.jobs.values import Json
from service.operations.plans.gradient_flows import FUNCTIONS, gradient_flows_plan
from service.schemas.flows import FlowRequest
from service.settings import Limits


def gradient_flows_request(asked: FlowRequest, limits: Limits) -> dict[str, Json]:
    """Everything that decides a flow, with its defaults."""
    return question(asked, limits)


def _plan(request: Mapping[str, Json]) -> Plan:
    asked = FlowRequest.model_validate(request["question"])
    return job_plan(lambda: gradient_flows_plan(asked, limits_of(request)))


GRADIENT_FLOWS: Final = Operation("gradient_flows", _plan, guarded(FUNCTIONS), longest_chunk_s=10.0)
