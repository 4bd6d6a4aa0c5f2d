"""One way for every operation that computes: read, decide where, compute, send."""

from starlette.requests import Request
from starlette.responses import Response

from service.web.bodies import document, is_large, read_body
from service.web.deferred import DEFERRED
from service.web.jobs import preference
from service.web.middleware import shapes
from service.web.runtime import runtime_of
from service.web.tasks import TASKS


async def answer(request: Request, name: str) -> Response:
    """The response of the task ``name`` to a request.

    Raises
    ------
    service.errors.ServiceError
        Which the handlers of the app turn into problem documents.
    """
    runtime = runtime_of(request)
    settings = runtime.settings
    body = await read_body(request, settings.max_body_bytes)
    accept = request.headers.get("accept", "")
    if name in DEFERRED and preference(request).wants_job:
        return await DEFERRED[name](request, await document(body, settings.max_body_bytes), settings)
    if is_large(body, settings.large_body_bytes, settings.max_body_bytes):
        shapes(request.scope, bytes=len(body.content))
        return (await runtime.large.render(name, body, accept)).response()
    task = TASKS[name](await document(body, settings.max_body_bytes), settings, accept)
    shapes(request.scope, **task.shapes)
    return (await runtime.compute.run(task.estimate_s, task.time_limit_s, task.render)).response()
