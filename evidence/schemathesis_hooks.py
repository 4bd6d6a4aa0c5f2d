"""What schemathesis must be told before it runs: how bytes are sent, and that streams of events must have an end."""

import re
from itertools import count
from typing import Any, Final
from urllib.request import Request, urlopen

import schemathesis

_CALLS: Final = count()
_IDENTITY: Final = re.compile("[0-9a-f]{32}")


@schemathesis.serializer(
    "application/x-npz",
    "application/x-npy",
    "application/vnd.apache.parquet",
    "application/vnd.apache.arrow.file",
    "application/x-arff",
    "application/x-svmlight",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
)
def as_bytes(_context: Any, value: Any) -> bytes:
    """Bytes as they were generated, anything else as its text."""
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.hook
def before_call(_context: Any, case: "schemathesis.Case[Any]", kwargs: dict[str, Any]) -> None:
    """Ask for a job now and then, and dismiss one whose events are asked for: it streams as long as it waits."""
    if case.method == "POST" and next(_CALLS) % 4 == 0:
        case.headers["Prefer"] = "respond-async"
    job = (case.path_parameters or {}).get("job_id")
    if case.path == "/v1/jobs/{job_id}/events" and isinstance(job, str) and _IDENTITY.fullmatch(job):
        try:
            urlopen(
                Request(f"{kwargs.get('base_url') or case.operation.base_url}/v1/jobs/{job}", method="DELETE"),
                timeout=30,
            ).close()
        except OSError:
            return
