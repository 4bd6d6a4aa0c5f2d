"""Bounds of a connection to the service alone, each seen from the other end of a socket."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import pytest

from service.settings import Settings
from tests.serving import call, serving
from tests.support.slowloris import Drips

PAST = 20.0
"""Seconds after which a test gives up; nothing is expected to take so long."""


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    settings = Settings(workers=0, log_level="error", max_header_bytes=2_000, header_s=0.5, idle_s=1, root_path="/p")
    with serving(settings) as address:
        yield address


def connected(base: str) -> socket.socket:
    address = urlsplit(base)
    return socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=PAST)


def received(sock: socket.socket) -> bytes:
    """All that comes until the server ends the connection."""
    parts = []
    while part := sock.recv(65536):
        parts.append(part)
    return b"".join(parts)


def refusal(answer: bytes) -> dict[str, Any]:
    """The problem details of an answer, after what every answer has was checked."""
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = [line.lower() for line in head.split(b"\r\n")]
    assert b"content-type: application/problem+json" in lines
    assert b"connection: close" in lines
    assert b"x-content-type-options: nosniff" in lines
    assert f"content-length: {len(body)}".encode() in lines
    document: dict[str, Any] = json.loads(body)
    assert head.startswith(f"HTTP/1.1 {document['status']} ".encode())
    assert document["type"].startswith("/p/problems/")
    return document


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /" + b"a" * 3_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nhost: x\r\nlarge: " + b"a" * 3_000 + b"\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nhost: x\r\n" + b"a: b\r\n" * 1_000 + b"\r\n",
        b"GET /livez HTTP/1.1\r\nlarge: " + b"a" * 3_000,
        b"GET /livez HTTP/1.1\r\n" + b"a" * 3_000,
        b"GET /" + b"a" * 3_000,
    ],
    ids=[
        "address",
        "one header",
        "many headers",
        "a header without end",
        "a name without end",
        "an address without end",
    ],
)
def test_headers_beyond_their_bytes_are_refused(base: str, sent: bytes) -> None:
    with connected(base) as sock:
        sock.sendall(sent)
        assert refusal(received(sock))["status"] == 431


def test_a_large_body_behind_small_headers_is_not_one_of_them(base: str) -> None:
    for size in (0, 1_000, 100_000):
        assert call(base, "POST", "/v1/minima", b" " * size).status == 400


def test_headers_that_do_not_come_in_time_are_refused(base: str) -> None:
    with connected(base) as sock:
        sock.sendall(b"GET /livez HTTP/1.1\r\nhost: x\r\n")
        assert refusal(received(sock))["status"] == 408


def test_so_are_those_of_a_later_request(base: str) -> None:
    with connected(base) as sock:
        sock.sendall(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n")
        assert b'{"status":"alive"}' in sock.recv(65536)
        sock.sendall(b"GET /livez")
        assert refusal(received(sock))["status"] == 408


def test_a_connection_that_says_nothing_is_ended(base: str) -> None:
    with connected(base) as sock:
        assert received(sock) == b""


def test_an_idle_connection_is_ended(base: str) -> None:
    with connected(base) as sock:
        sock.sendall(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n")
        assert received(sock).endswith(b'{"status":"alive"}')


def test_what_is_not_http_is_refused(base: str) -> None:
    with connected(base) as sock:
        sock.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        assert refusal(received(sock))["status"] == 400


def test_connections_beyond_their_number_are_refused_until_there_is_room() -> None:
    settings = Settings(workers=0, log_level="error", max_connections=20, header_s=3 * PAST)
    with serving(settings) as base, ExitStack() as held:
        kept = [held.enter_context(connected(base)) for _ in range(20)]
        reply = call(base, "GET", "/livez")
        assert reply.status == reply.json["status"] == 503
        assert reply.json["type"] == "/problems/engine-unavailable"
        assert reply.headers["retry-after"] == "1"
        kept += [held.enter_context(connected(base)) for _ in range(30)]
        assert received(kept[-1]) == b""
        held.close()
        deadline = time.monotonic() + PAST
        while call(base, "GET", "/livez").status != 200:
            assert time.monotonic() < deadline
        assert 'minima_http_refused_total{reason="connections"}' in call(base, "GET", "/metrics").content.decode()


def test_refusals_are_counted(base: str) -> None:
    def counted() -> float:
        text = call(base, "GET", "/metrics").content.decode()
        return float(text.partition('minima_http_refused_total{reason="malformed"} ')[2].partition("\n")[0] or 0)

    before = counted()
    with connected(base) as sock:
        sock.sendall(b"hello\r\n\r\n")
        received(sock)
    assert counted() == before + 1


def test_slow_headers_do_not_keep_the_service_from_others() -> None:
    """Fifty connections drip a byte at a time: each ends by its time, and health is answered meanwhile."""
    with serving(Settings(workers=0, log_level="error", header_s=1.0)) as base, Drips(base, 50) as drips:
        deadline = time.monotonic() + PAST
        while drips.open:
            assert time.monotonic() < deadline
            assert call(base, "GET", "/livez").status == 200
        assert drips.longest_s < 1.0 + PAST / 4
