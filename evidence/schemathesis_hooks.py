"""What schemathesis must be told before it runs: how bytes are sent, and that streams of events must have an end."""

from typing import Any
from urllib.request import Request, urlopen

import schemathesis


@schemathesis.serializer("application/x-npz", "application/x-npy", "application/vnd.apache.parquet")
def as_bytes(_context: Any, value: Any) -> bytes:
    """Bytes as they were generated, anything else as its text."""
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.hook
def before_call(_context: Any, case: "schemathesis.Case[Any]", kwargs: dict[str, Any]) -> None:
    """Dismiss the job whose events are asked for: a job that waits for its turn streams as long as it waits."""
    if case.path == "/v1/jobs/{job_id}/events" and len(str(case.path_parameters.get("job_id"))) == 32:
        address = f"{kwargs['base_url']}{case.formatted_path.removesuffix('/events')}"
        try:
            urlopen(Request(address, method="DELETE"), timeout=30).close()
        except OSError:
            return
