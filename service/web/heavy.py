"""Heavy operations over HTTP: read, ask, answer inline or as a job; the explicit table of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from starlette.requests import Request
from starlette.responses import Response

from service.jobs.heavy.gradient_flows import gradient_flows_request
from service.jobs.heavy.races import races_request
from service.jobs.heavy.sweeps import sweeps_request
from service.jobs.values import Json
from service.schemas.flows import FlowRequest
from service.schemas.parsing import validated
from service.schemas.races import RacesRequest
from service.schemas.sweeps import SweepsRequest
from service.settings import Limits
from service.web.bodies import document, read_body
from service.web.jobs import answer_heavy
from service.web.middleware import shapes
from service.web.runtime import runtime_of


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as a job stores it.

    Attributes
    ----------
    question : dict
        Everything that decides the answer.
    time_limit_s : float or None
        What the caller allows.
    shapes : mapping
        Sizes for the log line; never data.
    """

    question: dict[str, Json]
    time_limit_s: float | None
    shapes: Mapping[str, int | str]


Read: TypeAlias = Callable[[object, Limits], Asked]


def _sweeps(body: object, limits: Limits) -> Asked:
    asked = validated(SweepsRequest, body)
    sizes = {"layers": len(asked.problem.network.layers), "axes": len(asked.axes)}
    return Asked(sweeps_request(asked, limits), asked.time_limit_s, sizes)


def _races(body: object, limits: Limits) -> Asked:
    asked = validated(RacesRequest, body)
    sizes = {"layers": len(asked.problem.network.layers), "runs": asked.runs, "steps": asked.steps}
    return Asked(races_request(asked, limits), asked.time_limit_s, sizes)


def _gradient_flows(body: object, limits: Limits) -> Asked:
    asked = validated(FlowRequest, body)
    sizes = {"layers": len(asked.problem.network.layers), "data": asked.problem.data.kind}
    return Asked(gradient_flows_request(asked, limits), asked.time_limit_s, sizes)


HEAVY: Final[Mapping[str, Read]] = {"sweeps": _sweeps, "races": _races, "gradient_flows": _gradient_flows}


async def answer(request: Request, name: str) -> Response:
    """The response of the heavy operation ``name`` to a request.

    Raises
    ------
    service.errors.ServiceError
        Which the handlers of the app turn into problem documents.
    """
    settings = runtime_of(request).settings
    body = await document(await read_body(request, settings.max_body_bytes), settings.max_body_bytes)
    asked = HEAVY[name](body, settings)
    shapes(request.scope, **asked.shapes)
    return await answer_heavy(request, name, asked.question, time_limit_s=asked.time_limit_s)
