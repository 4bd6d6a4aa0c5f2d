"""Large bodies and data sets, read and answered, or stored as jobs, in a process of their own.

Parsing holds the interpreter lock, a second for some ten million numbers, and would hold up every other request.
"""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from service.errors import LimitExceeded
from service.jobs.config import JobsConfig
from service.jobs.from_settings import jobs_config
from service.jobs.service import JobService
from service.operations.asking import ask
from service.operations.mapping.datasets import blamed_on_references, references
from service.settings import Settings
from service.web.answering.process import OwnProcess
from service.web.answering.questions import (
    answer_at_once,
    answer_by_plan,
    decide,
    form_of,
    is_answered_at_once,
    submit,
)
from service.web.bodies.reading import Body, document
from service.web.bodies.sizes import check_sizes
from service.web.preferences import Wish
from service.web.responses import Settled
from service.web.uploads.datasets import CallerDatasets


class LargeBodies(OwnProcess):
    """The process for what would block the event loop."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.max_waiting)
        self._settings = settings

    async def answer(self, name: str, body: Body, wish: Wish) -> Settled:
        """The answer to a body, or the job that it became.

        Raises
        ------
        ServiceError
            Whatever the question is refused for; `LimitExceeded` if it takes longer than the server's limit, and
            `EngineError` if too much work is waiting, or the process was ended from outside.
        """
        limit_s = self._settings.max_seconds
        try:
            return await self.run(limit_s, answer_large, name, body, wish, self._settings)
        except TimeoutError:
            raise LimitExceeded(("time_limit_s",), "max_seconds", limit_s, "seconds") from None


def answer_large(name: str, body: Body, wish: Wish, settings: Settings) -> Settled:
    """Read a body and answer it, or store it as a job; what it raises is raised again in the process that asked."""
    with _document(name, body, wish.tenant, settings) as found:
        question = ask(name, found, settings)
        form = form_of(question, wish)
        if is_answered_at_once(question, wish):
            with _at_most(question.time_limit_s):
                return answer_at_once(question, settings, form, wish.accept)
        decision = decide(question, settings, wish)
        if decision.as_job:
            return submit(_jobs(jobs_config(settings)), question, settings, decision, wish)
        with _at_most(decision.time_limit_s):
            return answer_by_plan(question, decision, form)


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
    """The request with the numbers of its data sets; errors in these numbers name their ids."""
    found = asyncio.run(document(body, settings.max_body_bytes))
    check_sizes(found, settings)
    places = references(found)
    if places:
        CallerDatasets(_jobs(jobs_config(settings)).datasets, tenant).expand(name, found)
    with blamed_on_references(places):
        yield found
