"""Requests that come by the clock, whether or not those before them were answered, each timed from when it was due.

A generator that waits for an answer before it sends the next request slows down with its server and hides how long
others would have waited.
"""

import asyncio
import gc
import multiprocessing
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, cast

import numpy as np
import uvloop

from benchmarks.load import end_of_answer

RETRY: Final = b"\r\nretry-after: "
LOOK_S: Final = 0.02
PATIENCE_S: Final = 60.0
"""For the answers that are still out when the last request was sent."""


@dataclass
class Answers:
    """What came back.

    Attributes
    ----------
    seconds : list of float
        From the time a request was due to the last byte of its answer; refusals are not among them.
    statuses : Counter
        Answers by status; 0 is a connection that ended without one.
    without_retry : int
        Refusals with 503 that do not say when to come back.
    unanswered : int
        Requests whose answer had not come when the generator gave up.
    """

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    without_retry: int = 0
    unanswered: int = 0

    def quantile(self, share: float) -> float:
        """Seconds within which this share was answered."""
        return float(np.quantile(self.seconds, share))


class _Caller(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, idle: "deque[_Caller]", answers: Answers) -> None:
        self._idle = idle
        self._answers = answers
        self._buffer = bytearray()
        self._end = 0
        self._due: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the interface without the base class
        self._transport = cast(asyncio.Transport, transport)
        self._clock = asyncio.get_running_loop().time

    def send(self, request: bytes, due: float) -> None:
        self._due = due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._end:
            self._end = end_of_answer(self._buffer)
        if 0 < self._end <= len(self._buffer):
            self._finish()

    def _finish(self) -> None:
        status = int(self._buffer[9:12])
        self._answers.statuses[status] += 1
        if status == 503 and RETRY not in self._buffer:
            self._answers.without_retry += 1
        if self._due is not None and status == 200:
            self._answers.seconds.append(self._clock() - self._due)
        self._buffer.clear()
        self._end, self._due = 0, None
        self._idle.append(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's own name
        if self._due is not None:
            self._answers.statuses[0] += 1
            self._due = None
        elif self in self._idle:
            self._idle.remove(self)

    @property
    def waits(self) -> bool:
        return self._due is not None

    def close(self) -> None:
        self._transport.close()


def sent_by_the_clock(port: int, requests: Sequence[bytes], per_second: float, seconds: float, seed: int) -> Answers:
    """Send requests in turn at random times, on average so many a second, and wait for the answers."""
    return uvloop.run(_send(port, requests, per_second, seconds, seed))


async def _send(port: int, requests: Sequence[bytes], per_second: float, seconds: float, seed: int) -> Answers:
    loop = asyncio.get_running_loop()
    answers, idle, all_of_them = Answers(), deque[_Caller](), list[_Caller]()
    opening = set[asyncio.Task[None]]()

    async def on_a_new_connection(request: bytes, due: float) -> None:
        caller = _Caller(idle, answers)
        all_of_them.append(caller)
        await loop.create_connection(lambda: caller, "127.0.0.1", port)
        caller.send(request, due)

    # no pause of this process is to be taken for one of the server
    gc.collect()
    gc.disable()
    rng, due, end = np.random.default_rng(seed), loop.time(), loop.time() + seconds
    count = 0
    while (due := due + rng.exponential(1.0 / per_second)) < end:
        if (early := due - loop.time()) > 0.0:
            await asyncio.sleep(early)
        request = requests[count % len(requests)]
        count += 1
        if idle:
            idle.pop().send(request, due)
        else:
            task = loop.create_task(on_a_new_connection(request, due))
            opening.add(task)
            task.add_done_callback(opening.discard)
    if opening:
        await asyncio.wait(opening, timeout=PATIENCE_S)
    for _ in range(int(PATIENCE_S / LOOK_S)):
        if not any(each.waits for each in all_of_them):
            break
        await asyncio.sleep(LOOK_S)
    answers.unanswered = count - answers.statuses.total()
    for each in all_of_them:
        each.close()
    return answers


class Pressing:
    """What presses in the background: a process that sends by the clock."""

    def __init__(self, port: int, requests: Sequence[bytes], per_second: float, seconds: float, seed: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._here, there = context.Pipe()
        self._process = context.Process(target=_press, args=(there, port, requests, per_second, seconds, seed))
        self._process.start()
        self._limit_s = seconds + PATIENCE_S + 60.0

    def answers(self) -> Answers:
        """What came back, when all has been sent."""
        if not self._here.poll(self._limit_s):
            raise RuntimeError("the generator did not end")
        found: Answers = self._here.recv()
        return found

    def end(self) -> None:
        self._process.terminate()
        self._process.join()


@contextmanager
def pressing(port: int, requests: Sequence[bytes], per_second: float, seconds: float, seed: int) -> Iterator[Pressing]:
    """Send in the background."""
    found = Pressing(port, requests, per_second, seconds, seed)
    try:
        yield found
    finally:
        found.end()


def _press(pipe: "multiprocessing.connection.Connection", *arguments: object) -> None:
    pipe.send(sent_by_the_clock(*arguments))  # type: ignore[arg-type]  # as `Pressing` passes them
