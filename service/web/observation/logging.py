"""Structured logs: one line an event, with request id, shapes and limits, never people's data."""

import json
import logging
import sys
from typing import Any

import orjson
import structlog

from service.settings import Settings

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure(settings: Settings) -> None:
    """Send the events of the service, and those of the HTTP server, to standard error in one format."""
    level = LEVELS[settings.log_level]
    shared: list[Any] = [structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso", utc=True)]
    renderer: list[Any] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(serializer=_json)]
        if settings.log_format == "json"
        else [structlog.dev.ConsoleRenderer()]
    )
    structlog.configure(
        processors=[*shared, *renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    server = logging.getLogger("uvicorn")
    server.handlers, server.propagate = [handler], False
    server.setLevel(max(level, logging.WARNING))


def _json(event: dict[str, Any], **_options: object) -> str:
    try:
        return orjson.dumps(event, default=str).decode()
    except TypeError:
        # integers of more than 64 bits, which a request may hold before it is refused
        return json.dumps(event, default=str)
