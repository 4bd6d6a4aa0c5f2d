"""Bytes through a named pipe: all of them, in order, and neither end waits for one that has gone."""

import asyncio
import hashlib
import threading
from collections.abc import Callable

import pytest

from service.errors import EngineError
from service.web.uploads.relay import BATCH_BYTES, Relay, arriving, named_pipe

CONTENT = bytes(range(251)) * (3 * BATCH_BYTES // 251 + 1)


def everything(path: str) -> bytes:
    with arriving(path) as stream:
        return stream.read()


def a_little(path: str) -> bytes:
    with arriving(path) as stream:
        return stream.read(10)


async def relayed(read: Callable[[str], bytes], content: bytes, size: int) -> tuple[bytes, str, int]:
    async with named_pipe("") as path:
        reading = asyncio.ensure_future(asyncio.to_thread(read, path))
        relay = Relay(path, reading)
        for start in range(0, len(content), size):
            await relay.send(content[start : start + size])
        digest = await relay.finish()
        return await reading, digest, relay.size


@pytest.mark.parametrize("size", [70_000, BATCH_BYTES - 1, BATCH_BYTES, len(CONTENT)])
def test_everything_arrives_in_order(size: int) -> None:
    found, digest, count = asyncio.run(relayed(everything, CONTENT, size))
    assert found == CONTENT
    assert (digest, count) == (hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))


def test_nothing_is_a_file_too() -> None:
    assert asyncio.run(relayed(everything, b"", 1)) == (b"", hashlib.sha256(b"").hexdigest(), 0)


def test_a_reader_that_has_seen_enough_holds_up_nobody() -> None:
    found, _, count = asyncio.run(relayed(a_little, CONTENT, BATCH_BYTES))
    assert (found, count) == (CONTENT[:10], len(CONTENT))


def test_a_reader_that_never_comes_holds_up_nobody() -> None:
    _, _, count = asyncio.run(relayed(lambda _: b"", CONTENT, BATCH_BYTES))
    assert count == len(CONTENT)


def test_a_sender_that_gives_up_ends_its_thread_and_the_reader() -> None:
    given_up = threading.Event()

    def sleeping(path: str) -> bytes:
        with arriving(path) as stream:
            given_up.wait()
            return stream.read()

    async def main() -> int:
        async with named_pipe("") as path:
            reading = asyncio.ensure_future(asyncio.to_thread(sleeping, path))
            relay = Relay(path, reading)
            # more than the pipe holds: a thread waits for room
            await relay.send(CONTENT)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(relay.send(CONTENT), 0.1)
            given_up.set()
            relay.close()
            return len(await reading)

    assert 0 < asyncio.run(main()) < len(CONTENT)


def test_a_pipe_that_is_gone_is_not_waited_for() -> None:
    async def main() -> None:
        async with named_pipe("") as path:
            waiting = asyncio.ensure_future(asyncio.to_thread(everything, path))
            await asyncio.sleep(0.2)
            assert not waiting.done()
        with pytest.raises(EngineError, match="abandoned"):
            await waiting
        with pytest.raises(EngineError, match="abandoned"):
            everything(path)

    asyncio.run(main())
