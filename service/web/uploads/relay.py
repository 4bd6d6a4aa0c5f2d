"""Bytes on their way from a request to a process that reads them as they come: hashed, never on disk or all in memory.

A named pipe is between the two: it holds up a sender that is faster than the reader, and it ends when either side does.
"""

import asyncio
import errno
import fcntl
import hashlib
import os
import select
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from io import BufferedReader, FileIO
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from service.errors import EngineError
from service.operations.uploads.spool import no_room

BATCH_BYTES: Final = 1 << 22
"""Given to a thread at once, while the next batch is received."""
PIPE_BYTES: Final = 1 << 20
READ_BYTES: Final = 1 << 16
"""Kept for small reads; what is larger is read into its place at once."""
LOOK_S: Final = 0.001
WAIT_MS: Final = 100
"""Seconds after which an end that waits for the other checks whether it is still wanted."""


@asynccontextmanager
async def named_pipe(folder: str) -> AsyncIterator[str]:
    """The path of a pipe in a folder of its own, both removed when the block ends.

    Raises
    ------
    EngineError
        If the folder takes no file.
    """
    try:
        place = await asyncio.to_thread(tempfile.TemporaryDirectory, prefix="minima-upload-", dir=folder or None)
    except OSError as error:
        raise no_room(error) from error
    try:
        path = str(Path(place.name) / "pipe")
        os.mkfifo(path, 0o600)
        yield path
    finally:
        await asyncio.to_thread(place.cleanup)


class Relay:
    """The end of a pipe that sends.

    Parameters
    ----------
    path : str
        Of a named pipe.
    reading : asyncio.Future
        Done when nobody reads at the other end any more.

    Attributes
    ----------
    size : int
        Bytes that were taken so far.
    """

    def __init__(self, path: str, reading: "asyncio.Future[Any]") -> None:
        self._path = path
        self._reading = reading
        self._pipe: int | None = None
        self._lock = threading.Lock()
        self._poll = select.poll()
        self._hash = hashlib.sha256()
        self._waiting: list[bytes] = []
        self._bytes = 0
        self._sending: asyncio.Future[None] | None = None
        self.size = 0

    async def send(self, content: bytes) -> None:
        """Take some bytes, which are dropped if the reader has ended."""
        self._waiting.append(content)
        self._bytes += len(content)
        self.size += len(content)
        if self._bytes >= BATCH_BYTES:
            await self._flush()

    async def finish(self) -> str:
        """Send what waits, tell the reader that this was all, and return the SHA-256 of it."""
        await self._flush()
        await self._sent()
        self.close()
        return self._hash.hexdigest()

    def close(self) -> None:
        """Send no more; a thread that still tries to is stopped at its next write."""
        with self._lock:
            if self._pipe is not None:
                os.close(self._pipe)
                self._pipe = None

    async def _flush(self) -> None:
        if self._sending is None:
            await self._open()
        await self._sent()
        waiting, self._waiting, self._bytes = self._waiting, [], 0
        self._sending = asyncio.ensure_future(asyncio.to_thread(self._convey, waiting))

    async def _sent(self) -> None:
        if self._sending is not None:
            # a thread cannot be cancelled
            await asyncio.shield(self._sending)

    async def _open(self) -> None:
        """Wait for the reader, which may also end without ever coming."""
        while self._pipe is None and not self._reading.done():
            try:
                self._pipe = os.open(self._path, os.O_WRONLY | os.O_NONBLOCK)
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise
                await asyncio.sleep(LOOK_S)
        if self._pipe is not None:
            self._poll.register(self._pipe, select.POLLOUT)
            # a smaller pipe does, too, where the system has no such call or allows no more
            with suppress(AttributeError, OSError):
                fcntl.fcntl(self._pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)

    def _convey(self, pieces: Sequence[bytes]) -> None:
        for piece in pieces:
            self._hash.update(piece)
            left = memoryview(piece)
            while left:
                taken = self._write(left)
                if taken is None:
                    return
                left = left[taken:]

    def _write(self, content: memoryview) -> int | None:
        """How many bytes the pipe took; None if it is closed."""
        with self._lock:
            if self._pipe is None:
                return None
            try:
                return os.write(self._pipe, content)
            except BlockingIOError:
                pass
            except BrokenPipeError:
                os.close(self._pipe)
                self._pipe = None
                return None
        self._poll.poll(WAIT_MS)
        return 0


@contextmanager
def arriving(path: str) -> Iterator[BinaryIO]:
    """The end of a pipe that reads, once something was sent or nothing will be.

    Raises
    ------
    EngineError
        If the pipe is gone before anyone sends.
    """
    try:
        # a plain open would wait for ever for a sender that has given up
        pipe = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        raise _given_up() from None
    with BufferedReader(FileIO(pipe), READ_BYTES) as stream:
        poll = select.poll()
        poll.register(pipe, select.POLLIN)
        while not poll.poll(WAIT_MS):
            if not Path(path).exists():
                raise _given_up()
        os.set_blocking(pipe, True)
        yield cast("BinaryIO", stream)


def _given_up() -> EngineError:
    return EngineError("the upload was abandoned before it was read")
