"""Large bodies, read and answered in a process of their own.

Parsing holds the interpreter lock, a second for some ten million numbers, and would hold up every other request.
"""

import asyncio
import signal
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

from service.errors import EngineError, LimitExceeded, ServiceError
from service.settings import Limits, Settings
from service.web import problems
from service.web.bodies import Body, document
from service.web.responses import Rendered
from service.web.tasks import TASKS


class LargeBodies:
    """One process, started when first needed, for the bodies that would block the event loop."""

    def __init__(self, settings: Settings) -> None:
        self._limits = Limits.model_validate(settings.model_dump(include=set(Limits.model_fields)))
        self._capacity = settings.max_waiting
        self._pool: ProcessPoolExecutor | None = None
        self._running = 0

    async def render(self, name: str, body: Body, accept: str) -> Rendered:
        """The answer of one task to a body.

        Raises
        ------
        LimitExceeded
            If it takes longer than the server's limit.
        EngineError
            If too much work is waiting, or the process was ended from outside.
        """
        if self._running >= self._capacity:
            raise EngineError("too many large requests are waiting to be computed")
        if self._pool is None:
            self._pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_prepare)
        loop = asyncio.get_running_loop()
        self._running += 1
        try:
            future = loop.run_in_executor(self._pool, render_large, name, body, accept, self._limits)
            return await asyncio.wait_for(future, self._limits.max_seconds)
        except TimeoutError:
            raise LimitExceeded(("time_limit_s",), "max_seconds", self._limits.max_seconds, "seconds") from None
        except BrokenProcessPool:
            self._pool = None
            raise EngineError("the process that computed this request was ended") from None
        finally:
            self._running -= 1

    def close(self) -> None:
        """Drop what waits; what runs ends by itself."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)


def _prepare() -> None:
    """Set up the process: an interrupt from the terminal is for the server, which then ends this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threadpool_limits(limits=1)


def render_large(name: str, body: Body, accept: str, limits: Limits) -> Rendered:
    """Read a body and answer it; deliberate errors come back as problem documents."""
    try:
        return TASKS[name](asyncio.run(document(body, limits.max_body_bytes)), limits, accept).render()
    except ServiceError as error:
        refused = problems.of_service_error(error)
        return Rendered(bytes(refused.body), problems.MEDIA_TYPE, refused.status_code)
