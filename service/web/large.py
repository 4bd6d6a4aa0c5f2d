"""Large bodies, read and answered, or stored as jobs, in a process of their own.

Parsing holds the interpreter lock, a second for some ten million numbers, and would hold up every other request.
"""

import asyncio
import signal
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import cache, partial
from multiprocessing import get_context
from typing import ParamSpec, TypeVar

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

from service.errors import EngineError, LimitExceeded, ServiceError
from service.jobs.config import JobsConfig
from service.jobs.from_settings import jobs_config
from service.jobs.service import JobService
from service.settings import Settings
from service.web import problems
from service.web.bodies import Body, document
from service.web.deferred import DEFERRED
from service.web.heavy import HEAVY
from service.web.questions import Stored, Wish, decide, render_inline, submit
from service.web.responses import Rendered
from service.web.tasks import TASKS

P = ParamSpec("P")
T = TypeVar("T")


class LargeBodies:
    """One process, started when first needed, for the bodies that would block the event loop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
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
        return await self._run(render_large, name, body, accept, self._settings)

    async def settle(self, name: str, body: Body, wish: Wish) -> Rendered | Stored:
        """The answer to a question that may become a job, or the job that it is; raises as `render` does."""
        return await self._run(settle_large, name, body, wish, self._settings)

    async def _run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if self._running >= self._settings.max_waiting:
            raise EngineError("too many large requests are waiting to be computed")
        if self._pool is None:
            self._pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_prepare)
        loop, limit_s = asyncio.get_running_loop(), self._settings.max_seconds
        self._running += 1
        try:
            future = loop.run_in_executor(self._pool, partial(call, *args, **kwargs))
            return await asyncio.wait_for(future, limit_s)
        except TimeoutError:
            raise LimitExceeded(("time_limit_s",), "max_seconds", limit_s, "seconds") from None
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


def render_large(name: str, body: Body, accept: str, settings: Settings) -> Rendered:
    """Read a body and answer it; deliberate errors come back as problem documents."""
    try:
        return TASKS[name](_document(body, settings), settings, accept).render()
    except ServiceError as error:
        return _refused(error)


def settle_large(name: str, body: Body, wish: Wish, settings: Settings) -> Rendered | Stored:
    """Read a question and answer it, or store it as a job; errors as those of `render_large`."""
    try:
        asked = (HEAVY.get(name) or DEFERRED[name])(_document(body, settings), settings)
        service = _jobs(jobs_config(settings))
        decision = decide(service, settings, name, asked, wish)
        if decision.as_job:
            return submit(service, name, asked, decision, wish)
        return render_inline(service, name, asked, decision, wish)
    except ServiceError as error:
        return _refused(error)


@cache
def _jobs(config: JobsConfig) -> JobService:
    """The store as this process sees it: the server's own service drives."""
    return JobService(config, drive=False)


def _document(body: Body, settings: Settings) -> object:
    return asyncio.run(document(body, settings.max_body_bytes))


def _refused(error: ServiceError) -> Rendered:
    refused = problems.of_service_error(error)
    kept = {name: text for name, text in refused.headers.items() if name == "retry-after"}
    return Rendered(bytes(refused.body), problems.MEDIA_TYPE, refused.status_code, kept)
