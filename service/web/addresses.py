"""Where people find the service: a proxy may serve it under a prefix, and may or may not take that away.

Everything that names a path of the service to a caller asks `address`. Pages name each other relatively.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final, TypeAlias

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from service.errors import InputError
from service.settings import UNIX, clean_prefix

HEADER: Final = b"x-forwarded-prefix"
SEGMENT: Final = re.compile(r"/([^/{]+)")
Network: TypeAlias = IPv4Network | IPv6Network

_prefix: Final[ContextVar[str]] = ContextVar("prefix", default="")


def prefix() -> str:
    """Path under which the caller of the current request finds the service; empty at the root of a host."""
    return _prefix.get()


@contextmanager
def standing_at(found: str) -> Iterator[None]:
    """Set the prefix of addresses inside the block, where no request sets it; for code that does not await."""
    before = _prefix.set(found)
    try:
        yield
    finally:
        _prefix.reset(before)


def address(path: str) -> str:
    """A path of the service as the caller of the current request must ask for it."""
    return prefix() + path


def route_path(scope: Scope) -> str:
    """The path of a request as routes have it."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


class TrustedProxies:
    """Peers whose headers about what the caller sees are believed."""

    def __init__(self, trusted: Sequence[str]) -> None:
        self._unix: Final = UNIX in trusted
        self._networks: Final[list[Network]] = [ip_network(entry, strict=False) for entry in trusted if entry != UNIX]

    def __contains__(self, client: tuple[str, int] | None) -> bool:
        if client is None:
            return self._unix
        try:
            host = ip_address(client[0])
        except ValueError:
            return False
        return any(host in network for network in self._networks)


class UnderPrefix:
    """Sets the prefix of a request: from the header of a trusted proxy, the setting, or the server, in this order.

    Parameters
    ----------
    app : ASGIApp
    root_path : str
        The setting.
    trusted : sequence of str
        Addresses, networks, and ``unix`` for all who may open a socket in the file system.
    taken : collection of str
        First segments of the service's own paths. A prefix that begins with one could not be distinguished from a path.

    Raises
    ------
    InputError
        If the setting begins with such a segment.
    """

    def __init__(self, app: ASGIApp, root_path: str, trusted: Sequence[str], taken: Collection[str]) -> None:
        self._app = app
        self._root_path = root_path
        self._trusted = TrustedProxies(trusted)
        self._taken = frozenset(taken)
        if self._is_taken(root_path):
            raise InputError.at(("MINIMA_ROOT_PATH",), f"begins like a path of the service: {', '.join(sorted(taken))}")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        found = self._announced(scope) or self._root_path or scope.get("root_path", "")
        _prefix.set(found)
        if found:
            _place(scope, found)
        if found and scope["path"] == found:
            # without the slash, what pages name relatively would lie outside
            await RedirectResponse(f"{found}/", 308)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _announced(self, scope: Scope) -> str:
        sent = [value.decode("latin-1") for name, value in scope["headers"] if name == HEADER]
        if len(sent) != 1 or scope.get("client") not in self._trusted:
            return ""
        found = clean_prefix(sent[0])
        return "" if found is None or self._is_taken(found) else found

    def _is_taken(self, found: str) -> bool:
        return found.strip("/").partition("/")[0] in self._taken


def first_segments(paths: Sequence[str]) -> frozenset[str]:
    """What paths of routes begin with."""
    return frozenset(found[1] for found in map(SEGMENT.match, paths) if found)


def _place(scope: Scope, found: str) -> None:
    """State path and prefix as ASGI does, the path with its prefix, whether or not the proxy took that away."""
    path: str = scope["path"]
    if path != found and not path.startswith(f"{found}/"):
        scope["path"] = found + path
        scope["raw_path"] = found.encode() + scope.get("raw_path", path.encode())
    scope["root_path"] = found
