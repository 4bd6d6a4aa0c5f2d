"""`HEAD` wherever there is `GET`: the same status and headers, without the content."""

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEAD_ONLY = "head_only"


class HeadAsGet:
    """Lets the routes of `GET` answer `HEAD`, and keeps what they say after the headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        ended = False

        async def send_head(message: Message) -> None:
            nonlocal ended
            if message["type"] != "http.response.body":
                await send(message)
            elif not ended:
                ended = True
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        scope.setdefault("state", {})[HEAD_ONLY] = True
        inner = {**scope, "method": "GET"}
        try:
            await self._app(inner, receive, send_head)
        finally:
            # what counts and logs requests stands outside, where the request stays what it was
            scope["route"] = inner.get("route")


def is_head(request: Request) -> bool:
    """Whether only the headers of the answer are asked for: an answer that has no end must not begin."""
    return bool(getattr(request.state, HEAD_ONLY, False))
