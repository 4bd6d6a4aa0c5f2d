"""Every path with every method: `Allow` is right, `HEAD` is `GET` without content, and nothing leads elsewhere."""

from http import HTTPMethod

import pytest

from service.web.app import ROUTERS
from tests.serving import call
from tests.support.openapi import PROBLEM

FILLED = {"name": "diabetes", "theorem_id": "none", "problem_id": "none", "job_id": "0" * 32, "dataset_id": "0" * 32}
FILES = ("/static/page.js", "/static/none.js")
METHODS = [method.value for method in HTTPMethod if method is not HTTPMethod.CONNECT]
VARYING = {"x-request-id", "date", "server", "content-length"}
"""Headers that differ from one answer to the next."""
FOREIGN = {"Host": "elsewhere.example", "X-Forwarded-Host": "elsewhere.example"}


def routes() -> dict[str, set[str]]:
    """Methods of each path of the app."""
    found: dict[str, set[str]] = {path: {"GET"} for path in FILES}
    for router in ROUTERS:
        for route in router.routes:
            path = getattr(route, "path", "").format_map({**FILLED, "code": "not-found"})
            found.setdefault(path, set()).update(getattr(route, "methods", ()))
    return {path: methods | {"HEAD"} if "GET" in methods else methods for path, methods in found.items()}


ROUTES = routes()


@pytest.mark.parametrize("path", ROUTES)
def test_a_method_that_is_not_allowed_is_told_those_that_are(base: str, path: str) -> None:
    for method in sorted(set(METHODS) - ROUTES[path]):
        reply = call(base, method, path)
        assert reply.status == 405
        assert set(reply.headers["allow"].split(", ")) == ROUTES[path]
        if method != "HEAD":
            assert reply.headers["content-type"] == PROBLEM


@pytest.mark.parametrize("path", [path for path, methods in ROUTES.items() if "GET" in methods])
def test_head_is_get_without_its_content(base: str, path: str) -> None:
    got, head = call(base, "GET", path), call(base, "HEAD", path)
    assert (head.status, head.content) == (got.status, b"")
    assert {name: text for name, text in head.headers.items() if name not in VARYING} == {
        name: text for name, text in got.headers.items() if name not in VARYING
    }
    # the text of metrics and readiness changes; anything else is as long as it was
    assert int(head.headers["content-length"]) > 0
    if path not in ("/metrics", "/readyz"):
        assert head.headers["content-length"] == got.headers["content-length"]


@pytest.mark.parametrize("path", [*ROUTES, "/static", "/nothing"])
def test_no_answer_leads_to_where_the_caller_says_it_is(base: str, path: str) -> None:
    for asked in (path, path + "/", path + "//", "/" + path, path + "/%2e%2e/", path + "/?limit=1"):
        for method in ("GET", "HEAD", "POST", "DELETE"):
            reply = call(base, method, asked, headers=FOREIGN)
            assert not 300 <= reply.status < 400
            assert "elsewhere.example" not in str(reply.headers)
            assert b"elsewhere.example" not in reply.content
