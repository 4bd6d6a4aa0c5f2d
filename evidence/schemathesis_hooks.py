"""What schemathesis must be told before it runs: how bytes are sent, and that streams of events must have an end."""

import re
from itertools import count
from typing import Any, Final
from urllib.request import Request, urlopen

import schemathesis

from tests.support.sent_bytes import send_bytes

_CALLS: Final = count()
_IDENTITY: Final = re.compile("[0-9a-f]{32}")


send_bytes()


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
