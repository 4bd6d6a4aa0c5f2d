"""Generated requests against the running service: every answer is documented, no answer is a server error."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from service.schemas.problem import DESIGN_EXAMPLE
from service.schemas.slices import SLICE_EXAMPLE
from service.settings import Settings
from service.web import openapi
from service.web.app import create_app
from tests.serving import serving
from tests.support.sent_bytes import send_bytes

DOCUMENT = openapi.document(create_app(Settings(log_level="error")))
# an example that is preferred, here a job, would keep every request from being answered at once
del DOCUMENT["components"]["parameters"]["Prefer"]["examples"]
schema = schemathesis.openapi.from_dict(DOCUMENT)
send_bytes()
PATIENCE = 120.0
"""Seconds that a request may take on a machine that is busy; the servers' own limits are far below."""
PICTURES = r"^/v1/(slices|spectra|connectivity)$"
# problems are generated for the other routes; here they are ones that can be drawn, and the rest is generated
DRAWN: dict[str, Any] = copy.deepcopy(DOCUMENT)
DRAWN["components"]["schemas"]["ProblemDocument"] = {"enum": [SLICE_EXAMPLE["problem"], DESIGN_EXAMPLE]}


@pytest.fixture(scope="module")
def bounded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server whose limits keep pictures within fractions of a second: the largest numbers allowed mean hours."""
    url = f"sqlite:///{tmp_path_factory.mktemp('bounded')}/jobs.db"
    bounds = Settings(
        database_url=url,
        workers=0,
        log_level="error",
        max_picture_steps=300,
        max_slice_points=1_000,
        inline_budget_s=0.05,
    )
    with serving(bounds) as address:
        yield address


@pytest.fixture(scope="module")
def brief(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that gives up after a second: a gradient flow may ask for as long as it likes."""
    url = f"sqlite:///{tmp_path_factory.mktemp('brief')}/jobs.db"
    with serving(Settings(database_url=url, workers=0, log_level="error", max_seconds=1.0)) as address:
        yield address


# no schema can say that a matrix is positive semidefinite, or that rows are equally long
@schema.exclude(path_regex=PICTURES).parametrize()
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_generated_requests(case: "Case[Any]", brief: str) -> None:
    # a problem of a batch that breaks the schema is refused in its own place, and the batch is answered
    batch = [negative_data_rejection] if case.path == "/v1/minima/batch" else []
    case.call_and_validate(base_url=brief, timeout=PATIENCE, excluded_checks=[positive_data_acceptance, *batch])


@schemathesis.openapi.from_dict(DRAWN).include(path_regex=PICTURES).parametrize()
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_generated_requests_for_pictures(case: "Case[Any]", bounded: str) -> None:
    case.call_and_validate(base_url=bounded, timeout=PATIENCE, excluded_checks=[positive_data_acceptance])
