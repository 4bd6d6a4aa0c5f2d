"""Nothing under the limit of bytes holds the event loop, takes the server's memory or ends in an error of its own."""

import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Self

import pytest

from tests.support.held_loop import Watched, watched
from tests.support.worst_bodies import BODIES, WorstBody, sent

SIZES = (20_000, 300_000)
"""Small enough for the event loop, whatever is in it, and large enough for a second of it."""
HELD_S = 0.02
SLOWER = 2.5
"""What a core that others use at the same time, and its caches, may cost in core time."""
WAIT_S = 10.0
"""By the clock of a machine that is busy with other tests; nothing waited for the whole body that takes longer."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("bodies")
    with watched({"MINIMA_DATABASE_URL": f"sqlite:///{folder}/jobs.db"}) as found:
        warm = next(body for body in BODIES if body.name == "samples of 17 digits")
        for size in SIZES:
            sent(found.port, warm, warm.make(size))
        found.held()
        yield found


class Asking:
    """Asks ``/livez`` again and again while a block runs."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self.waits: list[float] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _ask(self) -> None:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=60)
        while not self._ended.wait(0.01):
            begun = time.perf_counter()
            connection.request("GET", "/livez")
            assert connection.getresponse().read()
            self.waits.append(time.perf_counter() - begun)
        connection.close()


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.name)
def test_a_worst_body_is_answered_and_holds_nobody_up(server: Watched, body: WorstBody) -> None:
    for size in SIZES:
        content = body.make(size)
        server.held()
        with Asking(server.port) as asking:
            status = sent(server.port, body, content)
        assert status in (200, 202, 400, 413, 415, 422)
        assert server.held().longest < SLOWER * HELD_S
        assert max(asking.waits, default=0.0) < WAIT_S


def test_a_body_that_is_refused_by_its_first_bytes_is_refused_at_any_size(server: Watched) -> None:
    empty = WorstBody("layers", BODIES[0].make)
    assert sent(server.port, empty, empty.make(12_000_000)) == 422
    # less than one copy of it
    assert server.held().longest < HELD_S
