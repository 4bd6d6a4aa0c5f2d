"""Uploads that take their time, are wrong from the start, or lose one of their ends, over a real connection."""

import json
import os
import signal
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from itertools import cycle
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil  # type: ignore[import-untyped]  # ships no annotations
import pytest
from backports import zstd

from service.settings import Settings
from tests.serving import Reply, call, serving

DATASETS = "/v1/datasets"
CSV = {"content-type": "text/csv"}
ROW = b"0.125,-3.5,2.0\n"
ROWS = ROW * 500_000
"""More than the pipe and all buffers on the way hold."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("uploads")


@pytest.fixture(scope="module")
def base(folder: Path) -> Iterator[str]:
    settings = Settings(
        database_url=f"sqlite:///{folder}/jobs.db", workers=0, uploads_at_once=2, upload_folder=str(folder)
    )
    with serving(settings) as address:
        yield address


class Slow:
    """An upload that is sent bit by bit."""

    def __init__(self, base: str, announced: int) -> None:
        address = urlsplit(base)
        assert address.hostname
        self._connection = HTTPConnection(address.hostname, address.port, timeout=60)
        self._connection.putrequest("POST", DATASETS)
        for name, value in {**CSV, "content-length": str(announced)}.items():
            self._connection.putheader(name, value)
        self._connection.endheaders()

    def send(self, content: bytes) -> None:
        self._connection.send(content)

    def answer(self) -> tuple[int, Any]:
        reply = self._connection.getresponse()
        found = reply.status, json.loads(reply.read())
        self.leave()
        return found

    def leave(self) -> None:
        self._connection.close()


def upload(base: str, content: bytes = ROW * 3) -> Reply:
    return call(base, "POST", DATASETS, content, CSV)


def readers() -> list[psutil.Process]:
    """The processes beside the server, which are forks of one that forks."""
    forking = [each for each in psutil.Process().children() if "forkserver" in " ".join(each.cmdline())]
    return [fork for each in forking for fork in each.children()]


PIECES = {
    "small before large": (1, 300_000),
    "large before small": (300_000, 1, 1),
    "at the mark at which reading pauses": (65_535, 65_536, 65_537),
    "many small ones": (17,),
}


@pytest.mark.parametrize("sizes", PIECES.values(), ids=PIECES)
def test_a_body_arrives_whole_however_it_is_cut(base: str, sizes: tuple[int, ...]) -> None:
    """Its id has the hash of every byte in it."""
    content = b"".join(f"{row},{row % 7},{row % 11}\n".encode() for row in range(60_000))
    address = urlsplit(base)
    assert address.hostname
    connection = HTTPConnection(address.hostname, address.port, timeout=60)

    def pieces() -> Iterator[bytes]:
        at = 0
        for size in cycle(sizes):
            if at >= len(content):
                return
            yield content[at : at + size]
            at += size

    # several requests of one connection, the last of which must not find anything of those before
    for _ in range(2):
        connection.request("POST", DATASETS, pieces(), CSV, encode_chunked=True)
        reply = connection.getresponse()
        assert json.loads(reply.read())["id"] == upload(base, content).json["id"]
    connection.close()


def test_a_slow_upload_holds_up_no_other_and_one_more_is_refused(base: str) -> None:
    slow, slower = Slow(base, 2 * len(ROW)), Slow(base, 2 * len(ROW))
    slow.send(ROW)
    slower.send(b"1,")
    deadline = time.monotonic() + 20.0
    while (refused := upload(base)).status != 503:
        assert time.monotonic() < deadline, "both places should be taken"
    assert "uploads_at_once" in refused.json["detail"]
    slow.send(ROW)
    status, found = slow.answer()
    assert (status, found["samples"]) == (201, 2)
    assert upload(base).json["samples"] == 3
    slower.leave()


def test_what_is_wrong_at_once_is_told_to_a_client_that_sends_everything_first(base: str) -> None:
    reply = upload(base, b"1,2,3\n1,b,3\n" + ROWS)
    assert reply.status == 422
    assert reply.json["errors"][0]["pointer"] == "/rows/1/1"
    assert "must be a number" in reply.json["detail"]


def test_an_upload_that_breaks_off_leaves_nothing_behind(base: str, folder: Path) -> None:
    upload(base)
    stored = call(base, "GET", DATASETS).json["datasets"]
    for _ in range(4):
        broken = Slow(base, len(ROWS))
        broken.send(ROWS[: len(ROWS) // 2])
        broken.leave()
    deadline = time.monotonic() + 20.0
    while upload(base).status == 503 or list(folder.glob("minima-upload-*")):
        assert time.monotonic() < deadline, "a place or a pipe is still taken"
        time.sleep(0.02)
    assert call(base, "GET", DATASETS).json["datasets"] == stored


def test_a_reader_that_is_killed_is_said_and_replaced(base: str) -> None:
    before = upload(base)
    assert before.status in (200, 201)
    slow = Slow(base, len(ROWS))
    slow.send(ROWS[: len(ROWS) // 2])
    for reader in readers():
        os.kill(reader.pid, signal.SIGKILL)
    slow.send(ROWS[len(ROWS) // 2 :])
    status, found = slow.answer()
    assert (status, found["type"]) == (503, "/problems/engine-unavailable")
    assert upload(base).json["id"] == before.json["id"]


def test_a_file_may_be_packed_by_zstandard_in_every_way(base: str) -> None:
    plain = b"a,b,y\n" + b"".join(b"%d,%d,%d\n" % (row, row * row % 7, row % 3) for row in range(40))
    packed = zstd.compress(plain)
    form = (
        b'--b\r\ncontent-disposition: form-data; name="file"; filename="t.csv.zst"\r\n\r\n' + packed + b"\r\n--b--\r\n"
    )
    found = [
        call(base, "POST", DATASETS, body, headers)
        for body, headers in (
            (plain, CSV),
            (packed, CSV),
            (packed, {**CSV, "content-encoding": "zstd"}),
            (form, {"content-type": "multipart/form-data; boundary=b"}),
        )
    ]
    assert [reply.status for reply in found] == [201, 201, 200, 200]
    assert len({json.dumps(reply.json["file_columns"]) for reply in found}) == 1
