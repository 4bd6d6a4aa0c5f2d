"""A call beside the server is ended when its time is over, and nothing else is blamed for it."""

import asyncio
import hashlib
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from multiprocessing.util import get_temp_dir
from pathlib import Path
from typing import TypeVar

import psutil  # type: ignore[import-untyped]  # ships no annotations
import pytest

from service.errors import EngineError
from service.web.answering.process import NICENESS, OwnProcess

T = TypeVar("T")

ENDLESS = ("sha256", b"", b"", 2**31 - 1)
"""Of `hashlib.pbkdf2_hmac`: many minutes of one core in one call, which no signal interrupts."""


def run(use: Callable[[OwnProcess], Awaitable[T]], capacity: int = 8, patience_s: float = 60.0) -> T:
    async def main() -> T:
        own = OwnProcess(capacity, patience_s=patience_s)
        try:
            return await use(own)
        finally:
            own.close()

    return asyncio.run(main())


async def is_gone(pid: int) -> bool:
    """Whether a process ends within 10 s."""
    for _ in range(1000):
        if not psutil.pid_exists(pid):
            return True
        await asyncio.sleep(0.01)
    return False


async def has_ended(child: psutil.Process) -> bool:
    """Whether a child ends within 10 s; the library that started it is left to find out."""
    for _ in range(1000):
        if child.status() == psutil.STATUS_ZOMBIE:
            return True
        await asyncio.sleep(0.01)
    return False


def test_a_call_over_its_time_is_ended_and_the_next_is_answered() -> None:
    async def use(own: OwnProcess) -> None:
        pid = await own.run(60.0, os.getpid)
        assert await own.run(60.0, os.getpid) == pid
        # on a very busy machine it has not had a core for long enough to be called too long
        with pytest.raises((TimeoutError, EngineError)):
            await own.run(2.0, hashlib.pbkdf2_hmac, *ENDLESS)
        assert await own.run(60.0, os.getpid) != pid
        assert await is_gone(pid)

    run(use)


def test_a_call_that_had_no_core_is_not_called_too_long() -> None:
    async def use(own: OwnProcess) -> None:
        with pytest.raises(EngineError, match="too busy"):
            await own.run(0.5, time.sleep, 60.0)

    run(use)


def test_who_waits_too_long_for_a_process_is_told_to_come_again() -> None:
    async def use(own: OwnProcess) -> None:
        await own.run(60.0, os.getpid)
        first = asyncio.create_task(own.run(60.0, time.sleep, 1.5))
        await asyncio.sleep(0)
        with pytest.raises(EngineError, match="taken"):
            await own.run(60.0, os.getpid)
        await first
        assert await own.run(60.0, os.getpid)

    run(use, patience_s=0.2)


def test_too_many_calls_are_refused_at_once() -> None:
    async def use(own: OwnProcess) -> None:
        first = asyncio.create_task(own.run(60.0, os.getpid))
        await asyncio.sleep(0)
        with pytest.raises(EngineError, match="waiting"):
            own.check_capacity()
        with pytest.raises(EngineError, match="waiting"):
            await own.run(60.0, os.getpid)
        await first
        own.check_capacity()

    run(use, capacity=1)


def test_a_call_that_nobody_waits_for_any_more_is_ended() -> None:
    async def use(own: OwnProcess) -> None:
        pid = await own.run(60.0, os.getpid)
        asked = asyncio.create_task(own.run(600.0, hashlib.pbkdf2_hmac, *ENDLESS))
        await asyncio.sleep(0.2)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        assert await is_gone(pid)

    run(use)


def test_errors_of_a_call_come_back_and_its_process_stays() -> None:
    async def use(own: OwnProcess) -> None:
        pid = await own.run(60.0, os.getpid)
        with pytest.raises(ValueError, match="invalid literal"):
            await own.run(60.0, int, "seven")
        assert await own.run(60.0, os.getpid) == pid

    run(use)


def test_a_server_of_forks_that_died_leaves_no_socket_behind() -> None:
    def sockets() -> set[Path]:
        return set(Path(get_temp_dir()).glob("listener-*"))

    async def use(own: OwnProcess) -> None:
        pid = await own.run(60.0, os.getpid)
        first = sockets()
        for _ in range(3):
            server = psutil.Process(pid).parent()
            assert server is not None
            for process in (server, psutil.Process(pid)):
                process.kill()
            assert await has_ended(server)
            # the call that finds its process dead says so, and the next one has another
            with suppress(EngineError):
                await own.run(60.0, os.getpid)
            pid = await own.run(60.0, os.getpid)
            assert len(sockets()) == 1
            assert sockets() != first

    run(use)


def test_the_event_loop_comes_first() -> None:
    async def use(own: OwnProcess) -> int:
        return await own.run(60.0, os.nice, 0)

    assert run(use) == min(os.nice(0) + NICENESS, 19)
