"""Bodies as they arrive: how fast the sender is, and the end of one that is too slow."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from starlette.requests import Request

from service.errors import BodyTooSlow
from service.settings import Settings

WINDOW_S: Final = 2.0
"""Seconds over which a sender is judged that may be waited for less in between."""
LOOK_S: Final = 0.05
"""Until the next look at a body whose time is over while nobody asks for its next piece."""


class Arrival:
    """The pieces of a body, to be gone through once, and the time that was spent waiting for them.

    Time in which nobody asked for a piece is not the sender's: a slow reader makes no sender slow.

    Parameters
    ----------
    request : Request
    settings : Settings
        ``min_body_rate`` and ``body_grace_s``.
    """

    def __init__(self, request: Request, settings: Settings) -> None:
        self._request = request
        self._least, self._grace_s = settings.min_body_rate, settings.body_grace_s
        self._loop = asyncio.get_running_loop()
        self._clock = self._loop.time
        self._task = asyncio.current_task()
        self._waited_s = 0.0
        self._bytes = 0
        self._asked_at: float | None = None
        self._ended: str | None = None
        # what had come at the beginning of the window in which the sender is judged
        self._before = (0.0, 0)

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body, piece by piece.

        Raises
        ------
        BodyTooSlow
            If less than ``min_body_rate`` came on average, ``body_grace_s`` aside, or the body had to give way.
        """
        stream = self._request.stream()
        # one timer a body, which looks again where more time is left: most bodies are there at once
        self._timer = self._loop.call_later(self._grace_s, self._look)
        try:
            while True:
                piece = await self._next(stream)
                if piece is None:
                    return
                self._bytes += len(piece)
                if self._waited_s - self._before[0] > WINDOW_S:
                    self._before = (self._waited_s, self._bytes)
                yield piece
        finally:
            self._timer.cancel()

    async def _next(self, stream: AsyncIterator[bytes]) -> bytes | None:
        self._asked_at = self._clock()
        try:
            return await anext(stream, None)
        except asyncio.CancelledError:
            if self._ended is None or self._task is None:
                raise
            # what was asked for is done: the task itself goes on
            self._task.uncancel()
            raise BodyTooSlow(self._ended) from None
        finally:
            self._waited_s, self._asked_at = self._waited_until_now(), None

    def _look(self) -> None:
        """End the body if its time is over; time that its reader takes is not the sender's."""
        left_s = self._grace_s + self._bytes / self._least - self._waited_until_now()
        if left_s > 0.0 or not self._end(
            f"the body came more slowly than min_body_rate = {self._least} bytes a second"
        ):
            self._timer = self._loop.call_later(max(left_s, LOOK_S), self._look)

    def rate(self) -> float:
        """Bytes a second of waiting, lately; infinite before there is much to go by."""
        seconds = self._waited_until_now() - self._before[0]
        return (self._bytes - self._before[1]) / seconds if seconds > WINDOW_S / 2 else float("inf")

    def give_way(self) -> bool:
        """End the body, if its sender is waited for just now; whether it was."""
        return self._end("the upload came more slowly than slow_upload_rate, and others waited for its place")

    def _end(self, why: str) -> bool:
        if self._asked_at is None or self._task is None or self._ended is not None:
            return False
        self._ended = why
        self._task.cancel()
        return True

    def _waited_until_now(self) -> float:
        return self._waited_s + (0.0 if self._asked_at is None else self._clock() - self._asked_at)
