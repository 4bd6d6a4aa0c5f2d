"""What is kept of requests that wait for a process: collections of garbage would go through it, on the event loop."""

import gc
import threading
import time
from pathlib import Path

from service.schemas.request import MinimaRequest
from service.settings import Settings
from tests.serving import call, serving
from tests.support.long_search import LONG

WAITING = 3
SECONDS = 0.5
PATIENCE_S = 60.0


def test_who_waits_keeps_no_more_than_its_body(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/jobs.db"
    settings = Settings(log_level="error", workers=0, processes=1, max_waiting=WAITING, database_url=url)
    asked = {**LONG, "time_limit_s": SECONDS}
    ended = threading.Event()

    def ask() -> None:
        while not ended.is_set():
            call(base, "POST", "/v1/minima", asked)

    with serving(settings) as base:
        before = kept()
        callers = [threading.Thread(target=ask) for _ in range(WAITING)]
        for caller in callers:
            caller.start()
        deadline = time.monotonic() + PATIENCE_S
        # one too many: so the others wait
        while call(base, "POST", "/v1/minima", asked).status != 503:
            assert time.monotonic() < deadline
        found = kept()
        ended.set()
        for caller in callers:
            caller.join()
    assert found == before


def kept() -> int:
    """Requests in the memory of this process, which is also the server's."""
    gc.collect()
    return sum(isinstance(each, MinimaRequest) for each in gc.get_objects())
