"""What surrounds every request: headers, the error of last resort, metrics, one log line, API keys."""

import asyncio
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from time import perf_counter
from typing import Any, Final

import structlog
from asgi_correlation_id import correlation_id
from pydantic import SecretStr
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import Unauthorized
from service.web import problem_details
from service.web.addresses import route_path
from service.web.observation.metrics import Metrics

API_POLICY: Final = b"default-src 'none'; frame-ancestors 'none'"
SECURITY_HEADERS: Final[tuple[tuple[bytes, bytes], ...]] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
CLIENT_GONE: Final = 499


class Observe:
    """Adds security headers, answers what nobody else caught, counts and logs each request once."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics
        self._log = structlog.get_logger("service.web")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = with_security(message.get("headers", ()))
            await send(message)

        started = perf_counter()
        with self._metrics.in_progress.track_inprogress():
            try:
                await self._app(scope, receive, send_with_headers)
            except ClientDisconnect:
                status = CLIENT_GONE
            except asyncio.CancelledError:
                # the server stops, and the seconds that it leaves to requests are over
                if not status:
                    answer = problem_details.response("engine-unavailable", "the server stops; send the request again")
                    await answer(scope, receive, send_with_headers)
            except Exception:
                self._log.exception("failed", request_id=correlation_id.get())
                if status:
                    raise
                answer = problem_details.response("internal-error", "the service failed; the log has the details")
                await answer(scope, receive, send_with_headers)
        self._record(scope, status, perf_counter() - started)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", None) or "unmatched"
        code = scope.get("state", {}).get(problem_details.CODE)
        self._metrics.observe(scope["method"], route, status, seconds, code)
        self._log.info(
            "request",
            method=scope["method"],
            route=route,
            status=status,
            ms=round(seconds * 1e3, 3),
            request_id=correlation_id.get(),
            **scope.get("state", {}).get("shapes", {}),
        )


def with_security(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers of an answer with those that tell browsers what it must not do."""
    found = [*headers, *SECURITY_HEADERS]
    if not any(name == b"content-security-policy" for name, _ in found):
        found.append((b"content-security-policy", API_POLICY))
    return found


class ApiKeys:
    """Asks for one of the configured keys on everything below `/v1/`."""

    def __init__(self, app: ASGIApp, keys: Sequence[SecretStr]) -> None:
        self._app = app
        self._digests = [_digest(key.get_secret_value()) for key in keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and route_path(scope).startswith("/v1") and not self._is_known(Headers(scope=scope)):
            answer = problem_details.of_service_error(Unauthorized("send a key that this server knows"))
            await answer(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _is_known(self, headers: Headers) -> bool:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        sent = token if scheme.lower() == "bearer" else headers.get("x-api-key", "")
        digest = _digest(sent.strip())
        # every key is compared, in constant time, so that neither position nor prefix can be timed
        matches = [hmac.compare_digest(digest, known) for known in self._digests]
        return any(matches)


class OtherSites(CORSMiddleware):
    """Lets the scripts of other sites ask, where the settings name them; a refusal has problem details, too."""

    def preflight_response(self, request_headers: Headers) -> Response:
        """Answer whether a site may ask in the way that its browser announces."""
        found = super().preflight_response(request_headers)
        if found.status_code < 400:
            return found
        refused = problem_details.response("http-error", bytes(found.body).decode(), found.status_code)
        kept = {name: text for name, text in found.headers.items() if not name.startswith("content-")}
        refused.headers.update(kept)
        return refused


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def shapes(scope: Any, **sizes: int | str) -> None:
    """Leave sizes for the log line of this request; never data."""
    scope.setdefault("state", {})["shapes"] = sizes
