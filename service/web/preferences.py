"""Who asks, and what they prefer: the headers that decide how a question is answered."""

import hashlib
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request

MAX_WAIT_S: Final = 60.0
ANONYMOUS: Final = "anonymous"


@dataclass(frozen=True, slots=True)
class Wish:
    """What of a request, beside its body, decides how it is answered; ``accept`` is the header."""

    tenant: str
    wants_job: bool
    accept: str = ""


@dataclass(frozen=True, slots=True)
class Preference:
    """What the header ``Prefer`` of RFC 7240 asks for; preferences that are not understood are ignored."""

    respond_async: bool = False
    wait_s: float | None = None

    @property
    def wants_job(self) -> bool:
        """Whether the caller asks for a job where an inline answer would do."""
        return self.respond_async or self.wait_s is not None

    @property
    def applied(self) -> str:
        """Value of ``Preference-Applied``."""
        parts = ["respond-async"] if self.respond_async else []
        parts += [f"wait={self.wait_s:g}"] if self.wait_s is not None else []
        return ", ".join(parts)


def preference(request: Request) -> Preference:
    """Read every ``Prefer`` header of a request."""
    tokens = [token.strip().lower() for line in request.headers.getlist("prefer") for token in line.split(",")]
    names = {token.partition(";")[0].strip() for token in tokens}
    waits = [name.partition("=")[2].strip().strip('"') for name in names if name.startswith("wait")]
    wait_s = next((float(text) for text in waits if text.isdecimal()), None)
    return Preference("respond-async" in names, None if wait_s is None else min(wait_s, MAX_WAIT_S))


def tenant_of(request: Request) -> str:
    """Whose jobs a request may see: a tenant for each API key, one for all where no keys are asked for."""
    if not request.app.state.runtime.settings.api_keys:
        return ANONYMOUS
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    key = token if scheme.lower() == "bearer" else request.headers.get("x-api-key", "")
    return tenant_of_key(key)


def tenant_of_key(key: str | None) -> str:
    """Name of the tenant of an API key, from which the key cannot be had back."""
    return ANONYMOUS if key is None else hashlib.sha256(key.strip().encode()).hexdigest()[:32]


def wish_of(request: Request) -> Wish:
    """Everything but the body that decides how a question is answered."""
    return Wish(tenant_of(request), preference(request).wants_job, request.headers.get("accept", ""))
