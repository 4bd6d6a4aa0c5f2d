"""Questions that would hold up others, read and answered, or stored as jobs, in processes beside the server.

Parsing a large body holds the interpreter lock, a second for some ten million numbers, and so does much of what is
computed; a process can be ended when its time is over, which a thread cannot.
"""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import ParamSpec, TypeVar

from pydantic_core import PydanticSerializationError

from service.jobs.config import JobsConfig
from service.jobs.from_settings import jobs_config
from service.jobs.service import JobService
from service.operations.asking import ask
from service.operations.mapping.datasets import blamed_on_references, references
from service.operations.model_files.sent import with_sent_model
from service.operations.problems import problem
from service.settings import Settings
from service.web.addresses import prefix, standing_at
from service.web.answering.process import OwnProcess
from service.web.answering.questions import (
    answer_at_once,
    answer_by_plan,
    decide,
    form_of,
    is_answered_at_once,
    over_time,
    submit,
)
from service.web.bodies.reading import Body, document
from service.web.bodies.sizes import check_sizes
from service.web.preferences import Wish
from service.web.responses import Rendered, Settled, rendered_problem
from service.web.uploads.datasets import CallerDatasets

P = ParamSpec("P")
T = TypeVar("T")


class LargeBodies(OwnProcess):
    """The process for bodies that take long to read, or those for answers that take long to compute."""

    def __init__(self, settings: Settings, processes: int = 1) -> None:
        super().__init__(settings.max_waiting, processes=processes, patience_s=settings.max_wait_s)
        self._settings = settings

    async def answer(self, name: str, body: Body, wish: Wish) -> Settled:
        """The answer to a body, or the job that it became.

        Raises
        ------
        ServiceError
            Whatever the question is refused for; `LimitExceeded` if it takes longer than the server's limit, and
            `EngineError` if too much work is waiting, or the process was ended from outside.
        """
        return await self._beside(answer_large, name, body, wish, self._settings)

    async def problem(self, problem_id: str, accept: str) -> Rendered:
        """A generated test problem; raises what `answer` does."""
        return await self._beside(made_problem, problem_id, accept, self._settings)

    async def _beside(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        limit_s = self._settings.max_seconds
        # the call counts the seconds of its core; by the clock only what cannot end itself is ended
        try:
            return await self.run(2.0 * limit_s + 5.0, under, prefix(), partial(call, *args, **kwargs))
        except TimeoutError:
            raise over_time(None, limit_s) from None


def under(found: str, call: Callable[[], T]) -> T:
    """Call with addresses under the prefix that holds for the request."""
    with standing_at(found):
        return call()


def made_problem(problem_id: str, accept: str, settings: Settings) -> Rendered:
    """Make a test problem; what it raises is raised again in the process that asked."""
    with _at_most(None, settings.max_seconds):
        return rendered_problem(problem(problem_id, settings), accept)


def answer_large(name: str, body: Body, wish: Wish, settings: Settings) -> Settled:
    """Read a body and answer it, or store it as a job; what it raises is raised again in the process that asked."""
    with _document(name, body, wish.tenant, settings) as found:
        question = ask(name, found, settings)
        form = form_of(question, wish)
        if is_answered_at_once(question, wish):
            with _at_most(question.time_limit_s, settings.max_seconds):
                return answer_at_once(question, settings, form, wish.accept)
        decision = decide(question, settings, wish)
        if decision.as_job:
            return submit(_jobs(jobs_config(settings)), question, settings, decision, wish)
        with _at_most(question.time_limit_s, decision.time_limit_s):
            return answer_by_plan(question, decision, form, wish.accept)


class _TimeOver(BaseException):
    """Raised where the computation is; no handler of ordinary exceptions takes it for one of its own."""


@contextmanager
def _at_most(sent: float | None, allowed: float) -> Iterator[None]:
    """End what runs after so many seconds of a core, at its next step in Python.

    Parameters
    ----------
    sent : float or None
        The caller's limit.
    allowed : float
        The server's.

    Raises
    ------
    LimitExceeded
    """
    rung: list[bool] = []

    def stop(*_: object) -> None:
        rung.append(True)
        raise _TimeOver

    signal.signal(signal.SIGPROF, stop)
    try:
        signal.setitimer(signal.ITIMER_PROF, min(sent or allowed, allowed))
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0.0)
    except _TimeOver:
        raise over_time(sent, allowed) from None
    except PydanticSerializationError:
        # what writes answers takes everything that is raised inside it for an error of its own
        if not rung:
            raise
        raise over_time(sent, allowed) from None


@cache
def _jobs(config: JobsConfig) -> JobService:
    """The store as this process sees it: the server's own service drives."""
    return JobService(config, drive=False)


@contextmanager
def _document(name: str, body: Body, tenant: str, settings: Settings) -> Iterator[object]:
    """The request with the numbers of its data sets; errors in these numbers name their ids."""
    sent = asyncio.run(document(body, settings.max_body_bytes))
    found = with_sent_model(name, sent, settings.max_body_bytes)
    check_sizes(found, settings)
    places = references(found)
    if places:
        CallerDatasets(_jobs(jobs_config(settings)).datasets, tenant).expand(name, found)
    with blamed_on_references(places):
        yield found
