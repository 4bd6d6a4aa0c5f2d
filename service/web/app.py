"""The app factory; importing this module starts nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any, Final

from asgi_correlation_id import CorrelationIdMiddleware
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from service import logs
from service.errors import ServiceError
from service.jobs.driver.seen import DriverView
from service.jobs.from_settings import jobs_config
from service.jobs.one_thread import hold_one_thread
from service.jobs.service import JobService
from service.operations.minima import minima, parse
from service.schemas.problem import DESIGN_EXAMPLE
from service.settings import Limits, Settings
from service.web import openapi, problem_details
from service.web.addresses import UnderPrefix, first_segments
from service.web.answering.event_streams import EventStreams
from service.web.answering.large import LargeBodies
from service.web.answering.process import STARTING_S
from service.web.garbage import leave_out_loaded
from service.web.head import HeadAsGet
from service.web.middleware import ApiKeys, Observe, OtherSites
from service.web.observation.answers import AnswerMetrics
from service.web.observation.job_metrics import JobMetrics
from service.web.observation.metrics import Metrics
from service.web.openapi_headers import HEADERS
from service.web.routers import catalogue, datasets, jobs, operations, pages, problems, system
from service.web.runtime import Runtime
from service.web.serving.bounds import STATE, Bounds
from service.web.uploads.uploading import Uploads

ROUTERS: Final = (
    operations.router,
    catalogue.router,
    problems.router,
    jobs.router,
    datasets.router,
    system.router,
    pages.router,
)


def create_app(settings: Settings | None = None, driver: DriverView | None = None) -> FastAPI:
    """The service as an ASGI app.

    Parameters
    ----------
    settings : Settings, optional
        Default: from the environment.
    driver : DriverView, optional
        The driver of jobs, where another process keeps it.
    """
    settings = settings or Settings()
    logs.configure(settings.log_level, settings.log_format)
    metrics, jobs_floor = Metrics(), _jobs(settings, driver)
    runtime = Runtime(
        settings,
        LargeBodies(settings),
        LargeBodies(settings, settings.processes),
        Uploads(settings),
        EventStreams(jobs_floor.store, settings.max_event_streams),
        metrics,
        JobMetrics(metrics, jobs_floor),
        AnswerMetrics(metrics.registry),
    )
    app = FastAPI(
        title=openapi.TITLE, openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False, lifespan=_lifespan
    )
    app.state.runtime = runtime
    app.state.jobs = jobs_floor
    app.state.stopping = runtime.stopping
    app.state.routers = ROUTERS
    for router in ROUTERS:
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=str(files("service.web").joinpath("static"))))
    app.add_exception_handler(ServiceError, problem_details.on_service_error)
    app.add_exception_handler(HTTPException, problem_details.on_http_error)
    app.add_exception_handler(RequestValidationError, problem_details.on_parameter_error)
    taken = first_segments([getattr(route, "path", "") for router in ROUTERS for route in router.routes])
    # the last one added is the outermost
    app.add_middleware(HeadAsGet)
    if settings.api_keys:
        app.add_middleware(ApiKeys, keys=settings.api_keys)
    if settings.cors_origins:
        app.add_middleware(
            OtherSites,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "HEAD", "POST", "DELETE"],
            allow_headers=["*"],
            expose_headers=list(HEADERS),
        )
    app.add_middleware(
        UnderPrefix, root_path=settings.root_path, trusted=settings.trusted_proxies, taken=taken | {"static"}
    )
    app.add_middleware(Observe, metrics=runtime.metrics)
    app.add_middleware(CorrelationIdMiddleware)
    return app


def _jobs(settings: Settings, driver: DriverView | None) -> JobService:
    return JobService(jobs_config(settings), drive=settings.workers != 0, driver=driver)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
    """Ready means that a first problem has been solved; requests share the cores, not the linear algebra."""
    runtime: Runtime = app.state.runtime
    minima(parse(DESIGN_EXAMPLE).request, Limits())
    hold_one_thread("server")
    await asyncio.to_thread(app.state.jobs.start)
    warming = asyncio.create_task(runtime.computing.warm())
    leave_out_loaded()
    yield {STATE: Bounds.of(runtime.settings, runtime.metrics.refused, runtime.stop)}
    runtime.stop()
    # a process that is half started would outlive this one
    await asyncio.wait({warming}, timeout=STARTING_S)
    await asyncio.to_thread(app.state.jobs.stop)
    runtime.large.close()
    runtime.computing.close()
    runtime.uploads.close()
