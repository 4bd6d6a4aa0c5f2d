"""Hessian spectra as jobs: blocks of columns, or one start of Lanczos a chunk."""

from collections.abc import Mapping
from typing import Final

from service.jobs.heavy.requests import guarded, job_plan, limits_of, question
from service.jobs.plans import Operation, Plan
from service.jobs.values import Json
from service.operations.plans.spectra import FUNCTIONS, spectra_plan
from service.schemas.spectra import SpectraRequest
from service.settings import Limits


def spectra_request(asked: SpectraRequest, limits: Limits) -> dict[str, Json]:
    """Everything that decides spectra, with its defaults."""
    return question(asked, limits)


def _plan(request: Mapping[str, Json]) -> Plan:
    asked = SpectraRequest.model_validate(request["question"])
    return job_plan(lambda: spectra_plan(asked, limits_of(request)))


# One start of Lanczos is never cut, and may take many products of many samples.
SPECTRA: Final = Operation("spectra", _plan, guarded(FUNCTIONS), longest_chunk_s=60.0)
