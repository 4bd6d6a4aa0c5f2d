"""Structured logs: one line an event, with request id, shapes and limits, never people's data.

Whatever a process writes by way of logging goes to standard error in one format, libraries included.
"""

import json
import logging
import sys
import threading
from types import TracebackType
from typing import Any, Final

import orjson
import structlog

LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
JSON: Final = "json"


class _Handler(logging.StreamHandler[Any]):
    """The one that `configure` puts in place, and replaces when it is called again."""


def configure(level: str, form: str) -> None:
    """Send the events of the service, and warnings of its libraries, to standard error in one format."""
    least = LEVELS[level]
    shared: list[Any] = [structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso", utc=True)]
    renderer: list[Any] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(serializer=_json)]
        if form == JSON
        else [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    )
    structlog.configure(
        processors=[*shared, *renderer],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = _Handler(sys.stderr)
    handler.setLevel(max(least, logging.WARNING))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    for name in (None, "uvicorn"):
        logger = logging.getLogger(name)
        logger.handlers = [each for each in logger.handlers if not isinstance(each, _Handler)]
        logger.addHandler(handler)
    # uvicorn says much, and puts a handler of its own in place where it finds none
    logging.getLogger("uvicorn").propagate = False
    logging.getLogger("uvicorn").setLevel(max(least, logging.WARNING))


def take_over(level: str, form: str) -> None:
    """Configure a process that is the service's alone: what Python itself would print there is logged, too."""
    configure(level, form)
    logging.captureWarnings(capture=True)
    log = logging.getLogger("service")

    def failed(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.exit(130)
        log.critical("failed", exc_info=error if error is not None else (kind, kind(), trace))

    sys.excepthook = failed
    threading.excepthook = lambda found: failed(found.exc_type, found.exc_value, found.exc_traceback)


def announce(text: str, form: str) -> None:
    """Say on standard error what is reported whatever is logged, in the format of the log."""
    if form == JSON:
        stamped = structlog.processors.TimeStamper(fmt="iso", utc=True)(None, "", {"event": text, "level": "info"})
        text = _json(dict(stamped))
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - standard error is where logs go


def relay(line: str, form: str) -> None:
    """Pass on a line that another process of the service wrote to its standard error."""
    text = line.rstrip("\n")
    if not text:
        return
    if form == JSON and not _is_json(text):
        logging.getLogger("service.output").warning("%s", text)
        return
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - it is a line of a log already


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _json(event: dict[str, Any], **_options: object) -> str:
    try:
        return orjson.dumps(event, default=str).decode()
    except TypeError:
        # integers of more than 64 bits, which a request may hold before it is refused
        return json.dumps(event, default=str)
