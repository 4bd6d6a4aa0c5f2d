"""Routes that the table of operations makes: one for each row that a body asks for."""

from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Final

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from service.operations.loaded import answers_of, description_of, examples_of, load, requests_of
from service.operations.rows import Operation
from service.operations.table import OPERATIONS
from service.web import documentation, openapi_jobs
from service.web.answering.posting import answer
from service.web.documentation import BODY_ERRORS, COMMON_ERRORS, DATA_ERRORS
from service.web.known_parameters import checked


class DirectRoute(APIRoute):
    """A route whose endpoint is called as it is: it reads the request itself, so that there is nothing to prepare."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The endpoint."""
        # a body says all there is to say
        return checked(self.endpoint, [])


def _router() -> APIRouter:
    router = APIRouter(route_class=DirectRoute)
    for row in OPERATIONS:
        if row.route is not None and row.is_posted:
            load(row)
            router.post(
                row.route[1],
                operation_id=row.name,
                tags=[row.tag],
                summary=row.summary,
                description=description_of(row),
                openapi_extra={
                    **documentation.body(
                        requests_of(row), examples_of(row), arrays=row.job, parts=documentation.PARTS[row.model]
                    ),
                    **(openapi_jobs.PREFER if row.job else {}),
                },
                responses=_responses(row),
                response_class=Response,
            )(_endpoint(row.name))
    return router


def _endpoint(name: str) -> Callable[[Request], Coroutine[Any, Any, Response]]:
    async def endpoint(request: Request) -> Response:
        return await answer(request, name)

    return endpoint


def _responses(row: Operation) -> dict[int | str, dict[str, Any]]:
    direct = documentation.answers(answers_of(row), row.returns, *openapi_jobs.binary_forms(row))
    return {
        **(openapi_jobs.directly_or_as_a_job(row) if row.job else direct),
        **documentation.errors(*_errors(row)),
    }


def _errors(row: Operation) -> Iterator[str]:
    """The kinds of errors that a route may answer with, by what its row says."""
    yield from BODY_ERRORS
    if row.refuses:
        yield "not-covered"
    yield "numerical-error"
    if row.draw is not None:
        yield "extra-missing"
    yield "engine-unavailable"
    if row.job:
        yield from DATA_ERRORS
        yield "queue-full"
    yield from COMMON_ERRORS


router: Final = _router()
