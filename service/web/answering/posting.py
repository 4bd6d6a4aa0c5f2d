"""One way for every operation that computes: read, decide where, compute or store, send."""

import math

from starlette.requests import Request
from starlette.responses import Response

from service.operations.mapping.datasets import Place, blamed_on_references, references
from service.web.answering.deferred import DEFERRED
from service.web.answering.heavy import HEAVY
from service.web.answering.jobs import answer_with_job, jobs_of, stored
from service.web.answering.questions import Read, Stored, decide, render_inline, submit
from service.web.answering.tasks import TASKS
from service.web.bodies.reading import Body, document, is_large, read_body
from service.web.middleware import shapes
from service.web.preferences import preference, tenant_of, wish_of
from service.web.responses import Rendered
from service.web.runtime import runtime_of
from service.web.uploads.datasets import CallerDatasets


async def answer(request: Request, name: str) -> Response:
    """The response of the operation ``name`` of a table to a request.

    Raises
    ------
    service.errors.ServiceError
        Which the handlers of the app turn into problem documents.
    """
    runtime = runtime_of(request)
    settings = runtime.settings
    body = await read_body(request, settings.max_body_bytes)
    large = is_large(body, settings.large_body_bytes, settings.max_body_bytes)
    found: object = None
    places: list[Place] = []
    if not large:
        found = await document(body, settings.max_body_bytes)
        places = references(found)
        large = bool(places) and await _is_large_once_expanded(request, name, found, places)
    if large:
        shapes(request.scope, bytes=len(body.content))
    with blamed_on_references(places):
        if name in HEAVY or (name in DEFERRED and preference(request).wants_job):
            return await _answer_question(request, name, body, found, large=large)
        accept = request.headers.get("accept", "")
        if large:
            return (await runtime.large.render(name, body, accept, tenant_of(request))).response()
        task = TASKS[name](found, settings, accept)
        shapes(request.scope, **task.shapes)
        return (await runtime.compute.run(task.estimate_s, task.time_limit_s, task.render)).response()


async def _is_large_once_expanded(request: Request, name: str, found: object, places: list[Place]) -> bool:
    """Put the numbers of its data sets into a request, unless they are too many for the event loop."""
    datasets = CallerDatasets(jobs_of(request).datasets, tenant_of(request))
    if await stored(datasets.size, name, places) > runtime_of(request).settings.large_body_bytes:
        return True
    await stored(datasets.expand, name, found)
    return False


async def _answer_question(request: Request, name: str, body: Body, found: object, *, large: bool) -> Response:
    """Answer what may become a job.

    Either way the answer says which and why: the field ``execution`` inline, ``run_as`` and ``run_as_reason`` of a job.
    """
    if large:
        settled = await runtime_of(request).large.settle(name, body, wish_of(request, name))
    else:
        settled = await _settle(request, name, found, HEAVY.get(name) or DEFERRED[name])
    if isinstance(settled, Rendered):
        return settled.response()
    if settled.begun:
        runtime_of(request).job_metrics.accepted()
    return await answer_with_job(request, settled.job_id)


async def _settle(request: Request, name: str, found: object, read: Read) -> Rendered | Stored:
    runtime, service, wish = runtime_of(request), jobs_of(request), wish_of(request, name)
    settings, compute = runtime.settings, runtime.compute
    asked = read(found, settings)
    shapes(request.scope, **asked.shapes)
    planning_s = math.inf if asked.cost_s is None else 0.0
    decision = await compute.run(planning_s, None, decide, service, settings, name, asked, wish)
    if decision.as_job:
        return await stored(submit, service, name, asked, decision, wish)
    return await compute.run(math.inf, decision.time_limit_s, render_inline, service, name, asked, decision, wish)
