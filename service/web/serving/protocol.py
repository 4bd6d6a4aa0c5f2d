"""HTTP with bounds on the headers, their time and the connections; every refusal has problem details.

uvicorn bounds none of these, and answers what it refuses in plain text.
"""

import asyncio
from typing import Any, Final, cast

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from service.web import problem_details
from service.web.addresses import standing_at
from service.web.middleware import with_security
from service.web.serving.bounds import STATE, Bounds

CLOSE: Final = (b"connection", b"close")
LINGER_S: Final = 0.3
"""Seconds for which an idle connection still takes a request when the server stops: one may be on its way."""


class BoundedHttp(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._bounds: Final[Bounds] = self.app_state[STATE]
        self._clock: asyncio.TimerHandle | None = None
        self._in_headers = True
        self._header_bytes = 0
        self._leaving = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as its base does
        """Take the connection if there is room for it."""
        super().connection_made(transport)
        if len(self.connections) > 2 * self._bounds.max_connections:
            self._bounds.refused.labels("connections").inc()
            transport.abort()
            return
        if len(self.connections) > self._bounds.max_connections:
            self.app = _refusing(
                self._refusal("engine-unavailable", 503, "too many connections are open", "connections")
            )
        self._start_clock()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_clock()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read what has arrived, as long as the headers stay within their bounds."""
        if self._in_headers:
            if self._clock is None:
                self._start_clock()
            self._header_bytes += len(data)
        super().data_received(data)
        if self._in_headers and self._header_bytes > self._bounds.max_header_bytes:
            self._end_with(self._headers_too_large())

    def on_headers_complete(self) -> None:
        """Pass the request on, or the refusal in its place."""
        self._stop_clock()
        self._in_headers = False
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > self._bounds.max_header_bytes:
            self.app = _refusing(self._headers_too_large())
        super().on_headers_complete()
        if self._leaving:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """Keep what has arrived until the app asks for it; a piece that comes alone is passed on without a copy.

        uvicorn appends every piece to what waits and copies that once more, which takes as long as receiving it.
        """
        waiting = cast("bytes | bytearray", self.cycle.body)
        if waiting or self.cycle.response_complete:
            if isinstance(waiting, bytes):
                self.cycle.body = bytearray(waiting)
            super().on_body(body)
            return
        self.cycle.body = body  # type: ignore[assignment]  # uvicorn makes bytes of it, which these are already
        if len(body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        self.cycle.message_event.set()

    def on_message_complete(self) -> None:
        """Wait for the headers of the next request."""
        super().on_message_complete()
        self._in_headers, self._header_bytes = True, 0

    def shutdown(self) -> None:
        """Answer what was asked, and what is on its way, then end."""
        self._bounds.stop()
        if self._is_idle():
            self._leaving = True
            self.loop.call_later(LINGER_S, self._leave)
        else:
            super().shutdown()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the name and its parameter are uvicorn's
        """Refuse what is not HTTP; uvicorn calls this."""
        self._end_with(self._refusal("http-error", 400, "the request is not HTTP as it should be", "malformed"))

    def _is_idle(self) -> bool:
        before_the_first = self.cycle is None
        return before_the_first or self.cycle.response_complete

    def _leave(self) -> None:
        if self._is_idle() and not self.transport.is_closing():
            self.transport.close()

    def _start_clock(self) -> None:
        self._clock = self.loop.call_later(self._bounds.header_s, self._headers_too_slow)

    def _stop_clock(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _headers_too_slow(self) -> None:
        if self._header_bytes:
            detail = f"the headers were not complete within {self._bounds.header_s:g} s"
            self._end_with(self._refusal("http-error", 408, detail, "header_time"))
        else:
            self.transport.close()

    def _headers_too_large(self) -> Response:
        detail = f"address and headers have more than {self._bounds.max_header_bytes} bytes"
        return self._refusal("http-error", 431, detail, "header_bytes")

    def _refusal(self, code: str, status: int, detail: str, reason: str) -> Response:
        self._bounds.refused.labels(reason).inc()
        with standing_at(self._bounds.root_path):
            answer = problem_details.response(code, detail, status)
        answer.raw_headers = [*with_security(answer.raw_headers), CLOSE]
        return answer

    def _end_with(self, answer: Response) -> None:
        """Send an answer that no request waits for, and end the connection."""
        if self.transport.is_closing():
            return
        headers = [*self.server_state.default_headers, *answer.raw_headers]
        lines = [name + b": " + value + b"\r\n" for name, value in headers]
        self.transport.write(b"".join([STATUS_LINE[answer.status_code], *lines, b"\r\n", bytes(answer.body)]))
        self.transport.close()


def _refusing(answer: Response) -> ASGIApp:
    """An app that gives one answer."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(scope, receive, send)

    return app
