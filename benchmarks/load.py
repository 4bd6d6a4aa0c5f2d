"""A load generator that costs less than any server: raw keep-alive connections, requests built beforehand."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import uvloop

END_OF_HEAD = b"\r\n\r\n"
LENGTH = b"content-length: "
TIME_LIMIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Load:
    """What one run of requests gave.

    Attributes
    ----------
    seconds : float
        From the first request sent to the last answer read.
    client_share : float
        Part of a core that the generator itself used in that time; well below 1 where the server is the limit.
    answers : dict of int to bytes
        Bodies of the sampled answers, by the index of their request.
    """

    seconds: float
    client_share: float
    answers: dict[int, bytes]


@dataclass
class _Run:
    requests: Sequence[bytes]
    sample_every: int
    done: "asyncio.Future[None]"
    sent: int = 0
    read: int = 0
    answers: dict[int, bytes] = field(default_factory=dict)


def end_of_answer(received: bytes | bytearray) -> int:
    """Length of an answer with its head, 0 while the head is not complete."""
    head = received.find(END_OF_HEAD)
    if head < 0:
        return 0
    at = received.find(LENGTH, 0, head) + len(LENGTH)
    return head + len(END_OF_HEAD) + int(received[at : received.find(b"\r\n", at)])


class _Connection(asyncio.Protocol):
    """One request at a time; the next is sent when the last byte of an answer has come."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._buffer = b""
        self._end = 0
        self._current = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the interface without the base class
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def _send(self) -> None:
        run = self._run
        if run.sent < len(run.requests):
            self._current = run.sent
            run.sent += 1
            self._transport.write(run.requests[self._current])

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        if not self._end:
            self._end = end_of_answer(self._buffer)
        if 0 < self._end <= len(self._buffer):
            self._finish()

    def _finish(self) -> None:
        run, answer = self._run, self._buffer
        if not answer.startswith(b"HTTP/1.1 200"):
            self._fail(f"request {self._current} was refused: {answer[:300]!r}")
            return
        if self._current % run.sample_every == 0:
            run.answers[self._current] = answer[answer.find(END_OF_HEAD) + len(END_OF_HEAD) :]
        self._buffer, self._end = b"", 0
        run.read += 1
        if run.read == len(run.requests) and not run.done.done():
            run.done.set_result(None)
        else:
            self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._run.read < len(self._run.requests):
            self._fail(f"the server closed a connection: {exc}")

    def _fail(self, detail: str) -> None:
        if not self._run.done.done():
            self._run.done.set_exception(RuntimeError(detail))


def request_of(path: str, body: bytes, content_type: str = "application/json") -> bytes:
    """The bytes of one request."""
    lines = (
        f"POST {path} HTTP/1.1",
        "host: localhost",
        f"content-type: {content_type}",
        f"content-length: {len(body)}",
    )
    return "\r\n".join((*lines, "", "")).encode() + body


def load(
    port: int,
    requests: Sequence[bytes],
    connections: int = 8,
    sample_every: int = 100,
    limit_s: float = TIME_LIMIT_S,
) -> Load:
    """Send every request once, over several connections; raises `RuntimeError` unless every answer is 200."""
    return uvloop.run(_load(port, requests, connections, sample_every, limit_s))


async def _load(port: int, requests: Sequence[bytes], connections: int, sample_every: int, limit_s: float) -> Load:
    loop = asyncio.get_running_loop()
    run = _Run(requests, sample_every, loop.create_future())
    started, used = time.perf_counter(), time.process_time()
    opened = [await loop.create_connection(lambda: _Connection(run), "127.0.0.1", port) for _ in range(connections)]
    await asyncio.wait_for(run.done, limit_s)
    seconds, used = time.perf_counter() - started, time.process_time() - used
    for transport, _ in opened:
        transport.close()
    return Load(seconds, used / seconds, run.answers)
