"""Where an answer is computed: on the event loop if it is short, in a bounded pool of threads otherwise."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Final, ParamSpec, TypeVar

from service.errors import EngineError, LimitExceeded
from service.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")

COMPUTES: Final = "compute"
"""What the names of threads begin with that compute answers."""


class Compute:
    """Runs operations so that the event loop is never held for long.

    The numeric libraries release the interpreter lock in their long calls, so threads are enough; a
    computation that outlives its time limit keeps its thread, so that work cannot pile up unseen.
    """

    def __init__(self, settings: Settings) -> None:
        self._budget_s = settings.event_loop_budget_s
        self._max_seconds = settings.max_seconds
        self._capacity = settings.threads + settings.max_waiting
        self._pool = ThreadPoolExecutor(settings.threads, thread_name_prefix=COMPUTES)
        self.running = 0
        self._lock = threading.Lock()

    def check_capacity(self) -> None:
        """Raise `EngineError` if too much work is waiting."""
        if self.running >= self._capacity:
            raise EngineError("too many requests are waiting to be computed")

    async def run(
        self, estimate_s: float, time_limit_s: float | None, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Result of ``call(*args, **kwargs)``.

        Raises
        ------
        LimitExceeded
            If it takes longer than ``time_limit_s`` or the server's own limit.
        EngineError
            If too much work is waiting.
        """
        if estimate_s <= self._budget_s:
            return call(*args, **kwargs)
        self.check_capacity()
        with self._lock:
            self.running += 1
        # what is known of the request, such as the prefix of its addresses, holds in the thread, too
        future = self._pool.submit(copy_context().run, partial(call, *args, **kwargs))
        future.add_done_callback(self._finished)
        limit_s = min(time_limit_s or self._max_seconds, self._max_seconds)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), limit_s)
        except TimeoutError:
            raise LimitExceeded(("time_limit_s",), "max_seconds", limit_s, "seconds") from None

    def _finished(self, _future: "Future[T]") -> None:
        # called in the thread that computed
        with self._lock:
            self.running -= 1

    def close(self) -> None:
        """Drop what waits; what runs ends by itself."""
        self._pool.shutdown(wait=False, cancel_futures=True)
