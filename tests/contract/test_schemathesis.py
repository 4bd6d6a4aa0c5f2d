"""Generated requests against the running service: every answer is documented, no answer is a server error."""

from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.specs.openapi.checks import positive_data_acceptance

from service.settings import Settings
from service.web import openapi
from service.web.app import create_app

schema = schemathesis.openapi.from_dict(openapi.document(create_app(Settings(log_level="error"))))


@schemathesis.serializer("application/x-npz", "application/x-npy", "application/vnd.apache.parquet")
def as_bytes(_context: Any, value: Any) -> bytes:
    """Archives and arrays are generated as arbitrary bytes."""
    return value if isinstance(value, bytes) else str(value).encode()


# of what trains networks the largest allowed numbers are jobs of hours: test_picture_plans.py tries extremes of those
PICTURES = r"^/v1/(slices|spectra|connectivity)$"


@schema.exclude(path_regex=PICTURES).parametrize()
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_generated_requests(case: "Case[Any]", base: str) -> None:
    # no schema can say that a matrix is positive semidefinite, or that rows are equally long
    case.call_and_validate(base_url=base, excluded_checks=[positive_data_acceptance])
