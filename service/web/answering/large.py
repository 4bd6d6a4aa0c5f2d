"""Large bodies and data sets, read and answered, or stored as jobs, in a process of their own.

Parsing holds the interpreter lock, a second for some ten million numbers, and would hold up every other request.
"""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import ParamSpec, TypeVar

from service.errors import LimitExceeded, ServiceError
from service.jobs.config import JobsConfig
from service.jobs.from_settings import jobs_config
from service.jobs.service import JobService
from service.operations.mapping.datasets import blamed_on_references, references
from service.settings import Settings
from service.web import problem_details
from service.web.answering.deferred import DEFERRED
from service.web.answering.heavy import HEAVY
from service.web.answering.process import OwnProcess
from service.web.answering.questions import Stored, Wish, decide, render_inline, submit
from service.web.answering.tasks import TASKS
from service.web.bodies.reading import Body, document
from service.web.responses import Rendered
from service.web.uploads.datasets import CallerDatasets

P = ParamSpec("P")
T = TypeVar("T")


class LargeBodies(OwnProcess):
    """The process for what would block the event loop."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.max_waiting)
        self._settings = settings

    async def render(self, name: str, body: Body, accept: str, tenant: str) -> Rendered:
        """The answer of one task to a body.

        Raises
        ------
        LimitExceeded
            If it takes longer than the server's limit.
        EngineError
            If too much work is waiting, or the process was ended from outside.
        """
        return await self._limited(render_large, name, body, accept, tenant, self._settings)

    async def settle(self, name: str, body: Body, wish: Wish) -> Rendered | Stored:
        """The answer to a question that may become a job, or the job that it is; raises as `render` does."""
        return await self._limited(settle_large, name, body, wish, self._settings)

    async def _limited(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        limit_s = self._settings.max_seconds
        try:
            return await self.run(limit_s, call, *args, **kwargs)
        except TimeoutError:
            raise LimitExceeded(("time_limit_s",), "max_seconds", limit_s, "seconds") from None


def render_large(name: str, body: Body, accept: str, tenant: str, settings: Settings) -> Rendered:
    """Read a body and answer it; deliberate errors come back as problem documents."""
    try:
        with _document(name, body, tenant, settings) as found:
            task = TASKS[name](found, settings, accept)
            with _at_most(task.time_limit_s):
                return task.render()
    except ServiceError as error:
        return problem_details.rendered(error)


def settle_large(name: str, body: Body, wish: Wish, settings: Settings) -> Rendered | Stored:
    """Read a question and answer it, or store it as a job; errors as those of `render_large`."""
    try:
        with _document(name, body, wish.tenant, settings) as found:
            asked = (HEAVY.get(name) or DEFERRED[name])(found, settings)
            service = _jobs(jobs_config(settings))
            decision = decide(service, settings, name, asked, wish)
            if decision.as_job:
                return submit(service, name, asked, decision, wish)
            with _at_most(decision.time_limit_s):
                return render_inline(service, name, asked, decision, wish)
    except ServiceError as error:
        return problem_details.rendered(error)


class _TimeOver(BaseException):
    """Raised where the computation is; no handler of ordinary exceptions takes it for one of its own."""


@contextmanager
def _at_most(seconds: float | None) -> Iterator[None]:
    """End what runs after so many seconds, at its next step in Python; the server's own limit needs no timer.

    Raises
    ------
    LimitExceeded
    """
    if seconds is None:
        yield
        return

    def stop(*_: object) -> None:
        raise _TimeOver

    signal.signal(signal.SIGALRM, stop)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0.0)
    except _TimeOver:
        raise LimitExceeded(("time_limit_s",), "max_seconds", seconds, "seconds") from None


@cache
def _jobs(config: JobsConfig) -> JobService:
    """The store as this process sees it: the server's own service drives."""
    return JobService(config, drive=False)


@contextmanager
def _document(name: str, body: Body, tenant: str, settings: Settings) -> Iterator[object]:
    """The request with the numbers of its data sets; what is wrong with those is told about their ids."""
    found = asyncio.run(document(body, settings.max_body_bytes))
    places = references(found)
    if places:
        CallerDatasets(_jobs(jobs_config(settings)).datasets, tenant).expand(name, found)
    with blamed_on_references(places):
        yield found
