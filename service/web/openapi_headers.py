"""Headers in the OpenAPI document: those that a request may carry, and those that answers carry."""

from collections.abc import Mapping
from typing import Any, Final

PARAMETERS: Final[Mapping[str, dict[str, Any]]] = {
    "Prefer": {
        "name": "Prefer",
        "in": "header",
        "description": "RFC 7240: `respond-async` asks for a job, `wait=N` for one whose result is waited for up to N "
        "seconds. What was followed comes back in `Preference-Applied`; anything else is ignored.",
        "schema": {"type": "string"},
        "examples": {
            "a job": {"value": "respond-async"},
            "a job, and its result if it takes at most ten seconds": {"value": "wait=10"},
        },
    },
    "If-None-Match": {
        "name": "If-None-Match",
        "in": "header",
        "description": "RFC 9110: one or more values of `ETag`; 304 if the result still has one of them.",
        "schema": {"type": "string"},
    },
}
"""Parameters that several operations share or that need no checking, by their name among the components."""

HEADERS: Final[Mapping[str, dict[str, Any]]] = {
    "Location": {
        "description": "Path of the job or data set that was stored.",
        "schema": {"type": "string", "format": "uri-reference"},
    },
    "Content-Location": {
        "description": "Path under which the same result can be had again.",
        "schema": {"type": "string", "format": "uri-reference"},
    },
    "ETag": {
        "description": "Hash of a stored result in this form; `If-None-Match` takes it.",
        "schema": {"type": "string", "pattern": '^"[^"]*"$'},
    },
    "Link": {
        "description": "RFC 8288: the next page, with the relation `next`; left out on the last one.",
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "Seconds after which asking again makes sense.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "Preference-Applied": {
        "description": "What of `Prefer` was followed; left out if nothing was.",
        "schema": {"type": "string"},
    },
    "WWW-Authenticate": {
        "description": "How to send a key.",
        "schema": {"type": "string"},
    },
}
"""Headers of answers by their name, which is also that among the components."""


def parameter(name: str) -> dict[str, str]:
    """Reference to a parameter of the components."""
    return {"$ref": f"#/components/parameters/{name}"}


def headers(*names: str) -> dict[str, dict[str, str]]:
    """References to headers of answers."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
