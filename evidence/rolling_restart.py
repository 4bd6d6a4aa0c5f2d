"""Two replicas behind the shipped nginx, restarted in turn under load: no request fails.

``python -m evidence.rolling_restart 20`` restarts each twenty times.
"""

import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.support.rolling import compute, follow, look_up, roll, submit, upload

TIMES: Final = 5
PAUSE_S: Final = 0.02
DOINGS: Final = (compute, compute, look_up, upload, submit, follow, follow)


def report(times: float = TIMES) -> str:
    """Restart each replica so many times, and count what clients saw.

    Raises
    ------
    RuntimeError
        If a request failed, or a kind of request was never answered.
    """
    with tempfile.TemporaryDirectory(prefix="rolling-") as folder:
        seen, longest = roll(Path(folder), int(times), DOINGS, PAUSE_S, reload=True, WORKERS="1", SHUTDOWN_GRACE_S="30")
    if seen.failed:
        raise RuntimeError("\n".join(seen.failed[:20]))
    kinds = 7
    if len(seen.answered) < kinds:
        raise RuntimeError(f"only {sorted(seen.answered)} were answered")
    rows = [f"| {kind} | {count} | 0 |" for kind, count in sorted(seen.answered.items())]
    return "\n".join(
        [
            "Two replicas of one store, each `minima serve --uds`, stand behind nginx with `deploy/nginx`. Each is",
            "stopped by `SIGTERM` and started again, then told by `SIGHUP` to replace itself,",
            f"{times:.0f} times in turn, when the other is ready, while {len(DOINGS)} clients ask again and again. An",
            "event stream that ends is taken up again with `Last-Event-ID` until its job has succeeded.",
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


if __name__ == "__main__":
    from evidence.__main__ import write

    write("rolling_restart", *map(float, sys.argv[1:]))
