"""Bodies that come slowly, over a real connection: they are ended, and hold no place that another could use."""

import json
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from service.schemas.problem import DESIGN_EXAMPLE
from service.settings import Settings
from tests.serving import call, serving

CSV = {"content-type": "text/csv"}
JSON = {"content-type": "application/json"}
ROWS = b"1.0,2.0\n2.0,1.0\n0.5,0.25\n"
STEP_S = 0.1


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("slow")


def settings(folder: Path, **changed: Any) -> Settings:
    own = {"database_url": f"sqlite:///{folder}/jobs.db", "workers": 0, "log_level": "error", "uploads_at_once": 2}
    return Settings(**{**own, **changed})


@pytest.fixture(scope="module")
def impatient(folder: Path) -> Iterator[str]:
    with serving(settings(folder, min_body_rate=100, body_grace_s=1.0)) as address:
        yield address


@pytest.fixture(scope="module")
def patient(folder: Path) -> Iterator[str]:
    with serving(settings(folder, body_grace_s=600.0)) as address:
        yield address


class Sender:
    """A request whose body is sent bit by bit."""

    def __init__(self, base: str, path: str, headers: dict[str, str], announced: int) -> None:
        address = urlsplit(base)
        assert address.hostname
        self._connection = HTTPConnection(address.hostname, address.port, timeout=60)
        self._connection.putrequest("POST", path)
        for name, value in {**headers, "content-length": str(announced)}.items():
            self._connection.putheader(name, value)
        self._connection.endheaders()

    def send(self, content: bytes) -> None:
        self._connection.send(content)

    def answer(self) -> tuple[int, str, str | None]:
        reply = self._connection.getresponse()
        document = json.loads(reply.read())
        self._connection.close()
        return reply.status, document.get("detail", ""), reply.getheader("connection")


@pytest.mark.parametrize(("path", "headers"), [("/v1/minima", JSON), ("/v1/datasets", CSV)])
@pytest.mark.parametrize("begun", [b"", b" "])
def test_a_body_that_stops_coming_is_ended_and_its_connection_closed(
    impatient: str, path: str, headers: dict[str, str], begun: bytes
) -> None:
    sender = Sender(impatient, path, headers, 1000)
    sender.send(begun)
    status, detail, connection = sender.answer()
    assert (status, connection) == (408, "close")
    assert "min_body_rate = 100" in detail


def test_a_body_that_comes_fast_enough_is_waited_for(impatient: str) -> None:
    # twice as long as the grace, at thrice the rate; spaces may stand around JSON
    content = json.dumps(DESIGN_EXAMPLE).encode().ljust(600)
    sender = Sender(impatient, "/v1/minima", JSON, len(content))
    for start in range(0, len(content), 30):
        sender.send(content[start : start + 30])
        time.sleep(STEP_S)
    assert sender.answer()[0] == 200


def test_slow_uploads_give_their_places_to_others(patient: str) -> None:
    senders = [Sender(patient, "/v1/datasets", CSV, len(ROWS)) for _ in range(2)]
    for sender in senders:
        sender.send(ROWS[:4])
    time.sleep(2.0)
    for _ in range(2):
        assert call(patient, "POST", "/v1/datasets", ROWS, CSV).status in (200, 201)
    given_way = 0
    for sender in senders:
        try:
            sender.send(ROWS[4:])
            status, detail, _ = sender.answer()
        except (BrokenPipeError, ConnectionResetError):
            given_way += 1
            continue
        assert status in (200, 201, 408)
        assert status != 408 or "slow_upload_rate" in detail
        given_way += status == 408
    assert given_way >= 1
