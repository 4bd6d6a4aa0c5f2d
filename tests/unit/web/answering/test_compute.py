import asyncio
import threading
from collections.abc import Callable

import pytest

from service.errors import EngineError, LimitExceeded
from service.settings import Settings
from service.web.answering.compute import Compute


async def until(condition: Callable[[], bool]) -> None:
    """Let the other tasks run until the condition holds, for at most 5 s."""
    for _ in range(5000):
        if condition():
            return
        await asyncio.sleep(0.001)
    pytest.fail("the condition never held")


def test_short_work_stays_and_long_work_leaves_the_event_loop() -> None:
    async def run() -> tuple[str, str]:
        pool = Compute(Settings())
        name = lambda: threading.current_thread().name  # noqa: E731 - two calls of one expression
        here, there = await pool.run(0.0, None, name), await pool.run(1.0, None, name)
        pool.close()
        return here, there

    here, there = asyncio.run(run())
    assert here == threading.current_thread().name
    assert there.startswith("compute")


def test_what_takes_too_long_is_given_up_but_keeps_its_thread() -> None:
    release = threading.Event()

    async def run() -> None:
        pool = Compute(Settings(threads=1, max_seconds=5.0))
        with pytest.raises(LimitExceeded) as caught:
            await pool.run(1.0, 0.05, release.wait)
        assert caught.value.fields[0].location == ("time_limit_s",)
        assert pool.running == 1
        release.set()
        assert await pool.run(1.0, None, lambda: 7) == 7
        pool.close()

    asyncio.run(run())


def test_too_much_waiting_work_is_refused() -> None:
    release = threading.Event()

    async def run() -> None:
        pool = Compute(Settings(threads=1, max_waiting=1))
        waiting = [asyncio.create_task(pool.run(1.0, None, release.wait)) for _ in range(2)]
        await until(lambda: pool.running == 2)
        with pytest.raises(EngineError):
            await pool.run(1.0, None, release.wait)
        with pytest.raises(EngineError):
            pool.check_capacity()
        release.set()
        assert await asyncio.gather(*waiting) == [True, True]
        await until(lambda: pool.running == 0)
        pool.check_capacity()
        pool.close()

    asyncio.run(run())


def test_errors_come_back() -> None:
    def fail() -> None:
        raise EngineError("away")

    async def run() -> None:
        pool = Compute(Settings())
        with pytest.raises(EngineError, match="away"):
            await pool.run(1.0, None, fail)
        pool.close()

    asyncio.run(run())
