"""Two replicas behind the shipped nginx, restarted in turn under load: no request fails."""

import tempfile
from pathlib import Path
from typing import Final

from tests.support.rolling import compute, follow, look_up, roll, submit, upload

TIMES: Final = 5
DOINGS: Final = (compute, compute, look_up, upload, submit, follow, follow)


def report() -> str:
    """Restart each replica five times, and count what clients saw.

    Raises
    ------
    RuntimeError
        If a request failed, or a kind of request was never answered.
    """
    with tempfile.TemporaryDirectory(prefix="rolling-") as folder:
        seen, longest = roll(Path(folder), TIMES, DOINGS, WORKERS="1")
    if seen.failed:
        raise RuntimeError("\n".join(seen.failed[:20]))
    kinds = 7
    if len(seen.answered) < kinds:
        raise RuntimeError(f"only {sorted(seen.answered)} were answered")
    rows = [f"| {kind} | {count} | 0 |" for kind, count in sorted(seen.answered.items())]
    return "\n".join(
        [
            "Two replicas of one store, each `minima serve --uds`, stand behind nginx with `deploy/nginx`. Each is",
            f"stopped by `SIGTERM` and started again {TIMES} times in turn, when the other is ready, while",
            f"{len(DOINGS)} clients ask without a pause. An event stream that ends is taken up again with",
            "`Last-Event-ID` until its job has succeeded.",
            "",
            "| requests | answered | failed |",
            "|---|---|---|",
            *rows,
            f"| all | {sum(seen.answered.values())} | 0 |",
            "",
            f"The longest request, a stream or one that waited, took {seen.slowest_s:.1f} s; the slowest end of a",
            f"replica {longest:.1f} s. Every replica ended with status 0 and without a traceback.",
        ]
    )
