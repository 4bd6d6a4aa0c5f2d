"""One way for every operation that computes: read, decide where, compute or store, send."""

import asyncio
from time import perf_counter

from starlette.requests import Request
from starlette.responses import Response

from service.operations.asking import Question, ask
from service.operations.mapping.datasets import Place, blamed_on_references, references
from service.web.answering.jobs import jobs_of, stored
from service.web.answering.large import LargeBodies
from service.web.answering.questions import (
    answer_at_once,
    decide,
    form_of,
    is_answered_at_once,
    submit,
)
from service.web.bodies.reading import Body, document, is_large, read_body
from service.web.bodies.sizes import check_sizes
from service.web.drawing import FORMS
from service.web.middleware import shapes
from service.web.preferences import Wish, tenant_of, wish_of
from service.web.responses import Settled
from service.web.runtime import runtime_of
from service.web.uploads.datasets import CallerDatasets


async def answer(request: Request, name: str) -> Response:
    """The response of the operation of this name to a request.

    Raises
    ------
    service.errors.ServiceError
        Which the handlers of the app turn into problem details.
    """
    runtime = runtime_of(request)
    body = await read_body(request, runtime.settings)
    started = perf_counter()
    wish = wish_of(request)
    settled = await _settled(request, name, body, wish)
    if isinstance(settled, LargeBodies):
        settled = await settled.answer(name, body, wish)
    settled.counted(runtime.answers, name, perf_counter() - started)
    return await settled.sent(request)


async def _settled(request: Request, name: str, body: Body, wish: Wish) -> Settled | LargeBodies:
    """The answer to a question, the job that it became, or the processes that are to answer it.

    Nothing but the body is kept for those: documents of all who wait would be gone through by every collection of
    garbage, which held the event loop for 20 to 40 ms each time.
    """
    runtime = runtime_of(request)
    settings = runtime.settings
    if is_large(body, settings.large_body_bytes, settings.max_body_bytes):
        shapes(request.scope, bytes=len(body.content))
        return runtime.large
    found = await document(body, settings.max_body_bytes)
    check_sizes(found, settings)
    places = references(found)
    with blamed_on_references(places):
        if places and await _is_large_once_expanded(request, name, found, places):
            shapes(request.scope, bytes=len(body.content))
            return runtime.large
        question = ask(name, found, settings)
        shapes(request.scope, **question.sizes())
        return await _decided(request, question, wish)


async def _is_large_once_expanded(request: Request, name: str, found: object, places: list[Place]) -> bool:
    """Put the numbers of its data sets into a request, unless they are too many for the event loop."""
    datasets = CallerDatasets(jobs_of(request).datasets, tenant_of(request))
    if await stored(datasets.size, name, places) > runtime_of(request).settings.large_body_bytes:
        return True
    await stored(datasets.expand, name, found)
    return False


async def _decided(request: Request, question: Question, wish: Wish) -> Settled | LargeBodies:
    """The same of a question that was read.

    What may become a job says which and why: the field ``execution`` inline, ``run_as`` and ``run_as_reason`` of a job.
    """
    runtime = runtime_of(request)
    settings = runtime.settings
    form = form_of(question, wish)
    if is_answered_at_once(question, wish):
        if form not in FORMS and question.cost_s <= settings.event_loop_budget_s:
            return answer_at_once(question, settings, form, wish.accept)
    else:
        decision = await asyncio.to_thread(decide, question, settings, wish)
        if decision.as_job:
            # jobs are accepted however busy the processes are
            return await stored(submit, jobs_of(request), question, settings, decision, wish)
    # read and planned there once more, which takes less than what follows
    return runtime.computing
