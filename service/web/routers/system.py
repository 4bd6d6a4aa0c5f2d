"""Health, version, metrics and the OpenAPI document; never behind a key."""

import asyncio
import platform
from functools import cache
from importlib.metadata import version as installed_version
from typing import Final

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response

from service.schemas.system import Health, JobWorkers, Readiness, Version
from service.version import ENGINE_VERSION
from service.web import documentation, openapi
from service.web.addresses import prefix
from service.web.answering.jobs import jobs_of, stored
from service.web.responses import json_response
from service.web.runtime import runtime_of

router = APIRouter(tags=["system"])

STORE_S: Final = 1.0


@router.get(
    "/livez",
    operation_id="livez",
    summary="Whether the process runs",
    responses={**documentation.answer(Health, "It does.")},
    response_class=Response,
)
async def get_livez() -> Response:
    """Answer as long as the event loop turns."""
    return json_response(Health(status="alive"))


@router.get(
    "/readyz",
    operation_id="readyz",
    summary="Whether the service can answer",
    responses={**documentation.answer(Readiness, "It can."), **documentation.errors("engine-unavailable")},
    response_class=Response,
)
async def get_readyz(request: Request) -> Response:
    """Answer once a first problem has been solved, and while the pool takes work; tell whether jobs can be had, too.

    A store that is away makes no server unready: it is the same for all of them, and inline answers go on.
    """
    runtime_of(request).computing.check_capacity()
    try:
        trouble = await asyncio.wait_for(stored(jobs_of(request).store_trouble), STORE_S)
    except TimeoutError:
        trouble = f"the store has not answered for {STORE_S:g} s"
    reasons = {} if trouble is None else {"store": trouble}
    driver = jobs_of(request).driver_alive
    if not driver:
        reasons["driver"] = "this server computes no jobs" if driver is None else "it is starting, or does not respond"
    pool = jobs_of(request).pool()
    if pool.short or (driver and not pool.alive):
        reasons["jobs"] = f"{pool.alive} of {pool.wanted or 'the'} workers are alive"
    if pool.wanted is None:
        reasons["wanted"] = "others decide how many workers their scheduler has; MINIMA_WORKERS says how many to expect"
    workers = JobWorkers(
        ready=trouble is None and bool(driver) and pool.alive > 0, wanted=pool.wanted, alive=pool.alive, busy=pool.busy
    )
    return json_response(Readiness(status="ready", store=trouble is None, driver=driver, jobs=workers, reasons=reasons))


@router.get(
    "/version",
    operation_id="version",
    summary="Versions of the engine and its libraries",
    responses={**documentation.answer(Version, "The versions.")},
    response_class=Response,
)
async def get_version() -> Response:
    """Say which engine answers."""
    return json_response(_versions())


@cache
def _versions() -> Version:
    """Looked up once: each look-up reads files, which would take a millisecond of the event loop."""
    return Version(
        name="analytic-minima",
        engine_version=ENGINE_VERSION,
        api_version="v1",
        python=platform.python_version(),
        numpy=installed_version("numpy"),
        scipy=installed_version("scipy"),
    )


@router.get(
    "/metrics",
    operation_id="metrics",
    summary="Metrics for Prometheus",
    responses={
        200: {"description": "Text format of Prometheus.", "content": {"text/plain": {"schema": {"type": "string"}}}}
    },
    response_class=Response,
)
async def get_metrics(request: Request) -> Response:
    """Counts and times of requests, jobs, memory and processor time."""
    text = await asyncio.to_thread(runtime_of(request).metrics.exposition)
    return Response(text, headers={"content-type": CONTENT_TYPE_LATEST})


@router.get("/openapi.json", include_in_schema=False)
async def get_openapi(request: Request) -> Response:
    """Serve the OpenAPI document."""
    made = await asyncio.to_thread(openapi.as_json, request.app, prefix())
    return Response(made, media_type="application/json")
