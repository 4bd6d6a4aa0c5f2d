"""One way for every operation that computes: read, decide where, compute or store, send."""

import math

from starlette.requests import Request
from starlette.responses import Response

from service.web.bodies import Body, document, is_large, read_body
from service.web.deferred import DEFERRED
from service.web.heavy import HEAVY
from service.web.jobs import answer_with_job, jobs_of, stored
from service.web.middleware import shapes
from service.web.preferences import preference, wish_of
from service.web.questions import Read, Stored, decide, render_inline, submit
from service.web.responses import Rendered
from service.web.runtime import runtime_of
from service.web.tasks import TASKS


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
    if large:
        shapes(request.scope, bytes=len(body.content))
    if name in HEAVY or (name in DEFERRED and preference(request).wants_job):
        return await _answer_question(request, name, body, large=large)
    accept = request.headers.get("accept", "")
    if large:
        return (await runtime.large.render(name, body, accept)).response()
    task = TASKS[name](await document(body, settings.max_body_bytes), settings, accept)
    shapes(request.scope, **task.shapes)
    return (await runtime.compute.run(task.estimate_s, task.time_limit_s, task.render)).response()


async def _answer_question(request: Request, name: str, body: Body, *, large: bool) -> Response:
    """Answer what may become a job.

    Either way the answer says which and why: the field ``execution`` inline, ``run_as`` and ``run_as_reason`` of a job.
    """
    if large:
        found = await runtime_of(request).large.settle(name, body, wish_of(request, name))
    else:
        found = await _settle(request, name, body, HEAVY.get(name) or DEFERRED[name])
    if isinstance(found, Rendered):
        return found.response()
    if found.begun:
        runtime_of(request).job_metrics.accepted()
    return await answer_with_job(request, found.job_id)


async def _settle(request: Request, name: str, body: Body, read: Read) -> Rendered | Stored:
    runtime, service, wish = runtime_of(request), jobs_of(request), wish_of(request, name)
    settings, compute = runtime.settings, runtime.compute
    asked = read(await document(body, settings.max_body_bytes), settings)
    shapes(request.scope, **asked.shapes)
    planning_s = math.inf if asked.cost_s is None else 0.0
    decision = await compute.run(planning_s, None, decide, service, settings, name, asked, wish)
    if decision.as_job:
        return await stored(submit, service, name, asked, decision, wish)
    return await compute.run(math.inf, decision.time_limit_s, render_inline, service, name, asked, decision, wish)
