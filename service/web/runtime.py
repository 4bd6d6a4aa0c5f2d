"""What the routes share: settings, where to compute, metrics."""

import asyncio
from dataclasses import dataclass, field

from starlette.requests import Request

from service.settings import Settings
from service.web.answering.event_streams import EventStreams
from service.web.answering.large import LargeBodies
from service.web.observation.answers import AnswerMetrics
from service.web.observation.job_metrics import JobMetrics
from service.web.observation.metrics import Metrics
from service.web.uploads.uploading import Uploads


@dataclass(frozen=True, slots=True)
class Runtime:
    """The parts of one running service."""

    settings: Settings
    large: LargeBodies
    computing: LargeBodies
    uploads: Uploads
    streams: EventStreams
    metrics: Metrics
    job_metrics: JobMetrics
    answers: AnswerMetrics
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def stop(self) -> None:
        """End what would run for long, because the server stops."""
        self.stopping.set()
        self.streams.close()


def runtime_of(request: Request) -> Runtime:
    """The runtime of the app that serves ``request``."""
    runtime: Runtime = request.app.state.runtime
    return runtime
