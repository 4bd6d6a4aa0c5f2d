"""The service behind a real nginx with the configuration that is shipped: at the root, and under a prefix."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from pydantic import SecretStr

from service.schemas.problem import DESIGN_EXAMPLE
from service.settings import Limits, Settings, UploadLimits
from tests.serving import Reply, call, serving
from tests.support import browser
from tests.support.nginx import MISSING, NGINX, PREFIX, SHIPPED, Proxy, connection_to, proxying
from tests.support.rolling import compute, look_up, roll, submit, upload
from tests.support.slowloris import Drips

pytestmark = pytest.mark.skipif(NGINX is None, reason=MISSING)

DEPLOYMENTS = ("root", "announced", "configured", "kept")


@dataclass(frozen=True)
class Deployment:
    proxy: Proxy
    prefix: str

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Reply:
        """One request for a path as the service names it."""
        assert path.startswith(f"{self.prefix}/"), path
        return call(
            self.proxy.base, method, path, body, {name.replace("_", "-"): text for name, text in headers.items()}
        )


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return {"database_url": f"sqlite:///{tmp_path_factory.mktemp('store')}/jobs.db", "log_level": "error"}


@pytest.fixture(scope="module")
def trusting(store: dict[str, Any]) -> Iterator[str]:
    """A service that believes its proxy, and computes jobs."""
    with serving(Settings(trusted_proxies=("127.0.0.1",), workers=1, **store)) as base:
        yield urlsplit(base).netloc


@pytest.fixture(scope="module")
def configured(store: dict[str, Any]) -> Iterator[str]:
    """A service that knows its prefix by itself and believes nobody; the other one computes its jobs."""
    with serving(Settings(root_path=PREFIX, workers=0, **store)) as base:
        yield urlsplit(base).netloc


@pytest.fixture(scope="module", params=DEPLOYMENTS)
def deployed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, trusting: str, configured: str
) -> Iterator[Deployment]:
    service = configured if request.param == "configured" else trusting
    locations: Any = {"root": "", "kept": "-kept"}.get(request.param, "-stripped")
    with proxying(tmp_path_factory.mktemp("nginx"), [service], locations) as proxy:
        yield Deployment(proxy, PREFIX if locations else "")


def test_whatever_a_page_refers_to_is_there(deployed: Deployment) -> None:
    seen: dict[str, int] = {}
    waiting = [f"{deployed.prefix}/"]
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        reply = deployed.ask("GET", path)
        seen[path] = reply.status
        if reply.headers["content-type"].startswith("text/html"):
            named = re.findall(r'(?:href|src)="([^"#]+)"', reply.content.decode())
            waiting += [urljoin(path, name) for name in named]
    assert set(seen.values()) == {200}
    assert len(seen) > 30
    assert f"{deployed.prefix}/static/swagger-ui/swagger-ui-bundle.js" in seen
    assert f"{deployed.prefix}/problems/not-covered" in seen


def test_the_start_page_without_its_slash_leads_to_it(deployed: Deployment) -> None:
    if not deployed.prefix:
        pytest.skip("the root of a host has its slash")
    reply = call(deployed.proxy.base, "GET", deployed.prefix)
    assert reply.status in (301, 308)
    assert reply.headers["location"] == f"{deployed.prefix}/"


def test_the_document_says_where_the_service_is(deployed: Deployment) -> None:
    document = deployed.ask("GET", f"{deployed.prefix}/openapi.json").json
    (server,) = document["servers"]
    assert server["url"] == (deployed.prefix or "/")
    asked = [path for path, methods in document["paths"].items() if "get" in methods and "{" not in path]
    assert len(asked) > 6
    for path in asked:
        assert deployed.ask("GET", deployed.prefix + path).status == 200
    for example in document["components"]["examples"].values():
        assert deployed.ask("GET", example["value"]["type"]).status == 200


def test_every_address_of_an_answer_can_be_asked(deployed: Deployment) -> None:
    job = deployed.ask("POST", f"{deployed.prefix}/v1/landscape", DESIGN_EXAMPLE, prefer="wait=50")
    assert job.status == 200
    assert deployed.ask("GET", job.headers["location"]).json["state"] == "successful"
    assert deployed.ask("GET", job.headers["content-location"]).status == 200
    results = deployed.ask("GET", job.headers["location"] + "/results")
    assert results.headers["content-location"] == job.headers["content-location"]

    for number in (1, 2):
        rows = f"x,y\n1,{number}\n2,1\n".encode()
        stored = deployed.ask("POST", f"{deployed.prefix}/v1/datasets", rows, content_type="text/csv")
        assert stored.status in (200, 201)
        assert deployed.ask("GET", stored.headers["location"]).status == 200
    page = deployed.ask("GET", f"{deployed.prefix}/v1/datasets?limit=1")
    following = re.fullmatch(r'<(.+)>; rel="next"', page.headers["link"])
    assert following
    assert len(deployed.ask("GET", following[1]).json["datasets"]) == 1

    made = deployed.ask("POST", f"{deployed.prefix}/v1/problems", {"inputs": 2, "outputs": 1, "singular_values": [1.0]})
    assert made.status == 200, made.content
    again = deployed.ask("GET", made.json["url"])
    assert again.json["url"] == made.json["url"]


def test_every_problem_document_leads_to_its_page(deployed: Deployment) -> None:
    below = deployed.prefix
    too_large = b" " * (Limits().max_body_bytes + 1)
    refused = {
        404: deployed.ask("GET", f"{below}/nothing"),
        405: deployed.ask("DELETE", f"{below}/version"),
        422: deployed.ask("POST", f"{below}/v1/minima", {}),
        400: deployed.ask("POST", f"{below}/v1/minima", b"{"),
        413: deployed.ask("POST", f"{below}/v1/minima", too_large),
    }
    for status, reply in refused.items():
        assert reply.status == reply.json["status"] == status
        assert reply.headers["content-type"] == "application/problem+json"
        assert deployed.ask("GET", reply.json["type"]).status == 200


@pytest.mark.skipif(browser.BROWSER is None, reason=browser.MISSING)
def test_pages_in_a_browser(trusting: str, tmp_path: Path) -> None:
    with proxying(tmp_path / "nginx", [trusting], "-stripped") as proxy:
        _see_pages(f"{proxy.base}{PREFIX}", tmp_path)
        assert {json.loads(line)["status"] for line in proxy.requests} == {200}


def _see_pages(home: str, tmp_path: Path) -> None:
    start = browser.text_of(browser.rendered(f"{home}/", tmp_path))
    assert re.search(r"Answered in \d+ ms", start)
    assert f"curl -s {home}/v1/minima" in start
    assert 'data-path="/v1/minima"' in browser.rendered(f"{home}/docs", tmp_path)


def test_headers_too_large_are_refused_in_the_same_form(deployed: Deployment) -> None:
    reply = deployed.ask("GET", f"{deployed.prefix}/version", x_large="a" * 40_000)
    assert reply.status == reply.json["status"] == 400
    assert reply.headers["content-type"] == "application/problem+json"


def test_a_service_that_is_away_is_told_in_the_same_form(tmp_path: Path) -> None:
    with proxying(tmp_path, ["127.0.0.1:1"]) as proxy:
        reply = call(proxy.base, "GET", "/version")
    assert reply.status == reply.json["status"] == 503
    assert reply.json["type"] == "/problems/engine-unavailable"
    assert reply.headers["retry-after"] == "1"


def test_a_prefix_is_believed_from_trusted_proxies_only(trusting: str, configured: str) -> None:
    announced = {"x-forwarded-prefix": "/elsewhere"}
    assert (
        call(f"http://{trusting}", "GET", "/nothing", None, announced).json["type"] == "/elsewhere/problems/not-found"
    )
    own = call(f"http://{configured}", "GET", "/nothing", None, announced).json["type"]
    assert own == f"{PREFIX}/problems/not-found"


@pytest.mark.parametrize("sent", ["//host", "/a b", "/..", "/a/../b", "javascript:", "/v1", '/"><script>', "/a, /b"])
def test_a_prefix_that_is_none_is_ignored(trusting: str, sent: str) -> None:
    reply = call(f"http://{trusting}", "GET", "/nothing", None, {"x-forwarded-prefix": sent})
    assert reply.json["type"] == "/problems/not-found"


def test_keys_are_asked_for_under_a_prefix(store: dict[str, Any], tmp_path: Path) -> None:
    settings = Settings(root_path=PREFIX, workers=0, api_keys=(SecretStr("key"),), **store)
    with serving(settings) as base, proxying(tmp_path, [urlsplit(base).netloc], "-kept") as proxy:
        for path in (f"{base}/v1/theorems", f"{base}{PREFIX}/v1/theorems", f"{proxy.base}{PREFIX}/v1/theorems"):
            parts = urlsplit(path)
            origin = f"http://{parts.netloc}"
            assert call(origin, "GET", parts.path).status == 401
            assert call(origin, "GET", parts.path, None, {"x-api-key": "key"}).status == 200


def test_slow_headers_end_with_their_time(trusting: str, tmp_path: Path) -> None:
    """Two hundred connections drip a byte at a time, while the service is asked beside them."""
    sooner = {"client_header_timeout 10s": "client_header_timeout 1s"}
    with proxying(tmp_path, [trusting], changes=sooner) as proxy, Drips(proxy.base, 200) as drips:
        deadline = time.monotonic() + 20
        while drips.open:
            assert time.monotonic() < deadline
            assert call(proxy.base, "GET", "/livez").status == 200
        assert call(f"http://{trusting}", "GET", "/livez").status == 200


def test_connections_beyond_their_number_are_refused_in_the_same_form(trusting: str, tmp_path: Path) -> None:
    fewer = {"limit_conn each_client 200": "limit_conn each_client 1"}
    with proxying(tmp_path, [trusting], changes=fewer) as proxy, closing(connection_to(proxy)) as held:
        # a request of which some is still to come
        held.putrequest("POST", "/v1/datasets")
        held.putheader("content-length", "1000000")
        held.endheaders(b"x,y")
        deadline = time.monotonic() + 20
        while (reply := call(proxy.base, "GET", "/livez")).status == 200:
            assert time.monotonic() < deadline
    assert reply.status == reply.json["status"] == 503
    assert reply.json["type"] == "/problems/engine-unavailable"
    assert reply.headers["retry-after"] == "1"


def test_a_rolling_restart_fails_no_request(tmp_path: Path) -> None:
    """Each of two replicas once; `python -m evidence rolling_restart` does more of it, with jobs that are computed."""
    seen, _ = roll(tmp_path, 1, (compute, look_up, upload, submit), pause_s=0.03, SHUTDOWN_GRACE_S="60")
    assert seen.failed == []
    assert len(seen.answered) == 5


def test_its_limits_are_those_of_the_service() -> None:
    sizes = {"m": 2**20, "g": 2**30}
    stated = "".join((SHIPPED / name).read_text() for name in ("nginx.conf", "locations.conf"))
    found = [int(number) * sizes[unit] for number, unit in re.findall(r"client_max_body_size (\d+)([mg]);", stated)]
    assert found == [Limits().max_body_bytes, UploadLimits().max_upload_bytes]


def test_what_it_logs_is_json(deployed: Deployment) -> None:
    deployed.ask("GET", f"{deployed.prefix}/version")
    for line in deployed.proxy.requests:
        assert isinstance(json.loads(line)["status"], int)
