"""The image is built, run as it would be in earnest and asked for an answer; needs a container daemon.

Where the ordinary registry or a bridge network is missing: ``MINIMA_TEST_BASE_IMAGE`` names another base
image, ``MINIMA_TEST_NETWORK=host`` builds and runs on the host's network (port 8000 must be free).
"""

import io
import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]  # ships no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # ships no types
import pytest

from service.version import ENGINE_VERSION

ROOT = Path(__file__).parents[2]
NETWORK = os.environ.get("MINIMA_TEST_NETWORK", "")
BASE_IMAGE = os.environ.get("MINIMA_TEST_BASE_IMAGE", "")
IMAGE = "analytic-minima:test"
PROBLEM = {
    "network": {
        "layers": [
            {"width": 8, "weight_decay": 0.2, "noise": {"kind": "dropout", "rate": 0.2}},
            {"width": 8, "weight_decay": 0.2},
            {"width": 1, "weight_decay": 0.2},
        ]
    },
    "data": {"kind": "moments", "xx": [[1.0]], "xy": [[0.9]], "yy": 1.0},
}

pytestmark = pytest.mark.container


def docker(*arguments: str, check: bool = True, timeout: float = 60) -> str:
    ran = subprocess.run(["docker", *arguments], capture_output=True, text=True, cwd=ROOT, timeout=timeout, check=False)
    assert not check or ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout.strip() if ran.returncode == 0 else ""


def network() -> list[str]:
    return ["--network", NETWORK] if NETWORK else []


@pytest.fixture(scope="module")
def image() -> str:
    if shutil.which("docker") is None:
        pytest.skip("no docker command on this machine")
    if not docker("info", "--format", "{{.ServerVersion}}", check=False):
        pytest.skip("no container daemon answers `docker info`")
    base = ["--build-arg", f"BASE_IMAGE={BASE_IMAGE}"] if BASE_IMAGE else []
    docker("build", "--tag", IMAGE, *network(), *base, ".", timeout=500)
    return IMAGE


@pytest.fixture(scope="module")
def container(image: str) -> Iterator[str]:
    ports = [] if NETWORK == "host" else ["--publish", "127.0.0.1::8000"]
    hardening = ["--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
    identifier = docker("run", "--detach", *network(), *ports, *hardening, image)
    yield identifier
    docker("rm", "--force", "--volumes", identifier)


def inspect(container: str, template: str) -> str:
    return docker("inspect", "--format", template, container)


@pytest.fixture(scope="module")
def healthy(container: str) -> str:
    deadline = time.monotonic() + 60
    while (health := inspect(container, "{{.State.Health.Status}}")) != "healthy" and time.monotonic() < deadline:
        assert inspect(container, "{{.State.Running}}") == "true", docker("logs", container)
        time.sleep(0.5)
    assert health == "healthy", docker("logs", container)
    return container


@pytest.fixture(scope="module")
def url(healthy: str) -> str:
    address = "127.0.0.1:8000" if NETWORK == "host" else docker("port", healthy, "8000/tcp").splitlines()[0]
    return f"http://{address}"


def fetch(url: str, body: object = None) -> tuple[int, dict[str, object]]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_answers_exactly(url: str) -> None:
    status, answer = fetch(url + "/v1/minima", PROBLEM)
    minimum = answer["global_minimum"]
    assert status == 200
    assert isinstance(minimum, dict)
    assert minimum["loss"] == pytest.approx(0.71592367, abs=5e-9)


def test_refuses_what_is_wrong(url: str) -> None:
    status, problem = fetch(url + "/v1/minima", {"network": {"layers": []}})
    assert status == 422
    assert problem["errors"]


def test_reads_parquet_and_draws(url: str) -> None:
    stream = io.BytesIO()
    pq.write_table(pa.table({"x": [1.0, 2.0, 4.0], "kind": ["u", "v", "u"]}), stream)
    upload = urllib.request.Request(
        url + "/v1/datasets?one_hot=true", stream.getvalue(), {"content-type": "application/vnd.apache.parquet"}
    )
    with urllib.request.urlopen(upload, timeout=30) as response:
        assert json.load(response)["class_names"] == ["u", "v"]
    headers = {"content-type": "application/json", "accept": "image/png"}
    picture = urllib.request.Request(url + "/v1/landscape", json.dumps(PROBLEM).encode(), headers)
    with urllib.request.urlopen(picture, timeout=60) as response:
        assert response.read(8) == b"\x89PNG\r\n\x1a\n"


def test_says_which_engine_it_is(url: str) -> None:
    status, version = fetch(url + "/version")
    assert status == 200
    assert ENGINE_VERSION in version.values()


def test_runs_as_an_ordinary_user(healthy: str) -> None:
    status = docker("exec", healthy, "python3", "-c", "print(open('/proc/1/status').read())")
    ids = next(line.split()[1:] for line in status.splitlines() if line.startswith("Uid:"))
    assert ids == ["10001"] * 4


def test_writes_only_where_it_should(healthy: str) -> None:
    script = "import pathlib, sys; pathlib.Path(sys.argv[1], 'probe').write_text('x')"
    assert docker("exec", healthy, "python3", "-c", script + "; print('written')", "/data") == "written"
    for place in ("/", "/opt/minima", "/etc"):
        refused = subprocess.run(
            ["docker", "exec", healthy, "python3", "-c", script, place], capture_output=True, text=True, check=False
        )
        assert refused.returncode == 1
        assert "Read-only file system" in refused.stderr or "Permission denied" in refused.stderr


def test_stops_when_told(healthy: str) -> None:
    docker("stop", "--time", "10", healthy)
    assert inspect(healthy, "{{.State.ExitCode}}") == "0"


def test_stops_at_once_while_it_starts(image: str) -> None:
    identifier = docker("run", "--detach", *network(), "--env", "MINIMA_PORT=8001", image)
    try:
        started = time.monotonic()
        docker("stop", "--time", "30", identifier)
        assert time.monotonic() - started < 15
        assert inspect(identifier, "{{.State.ExitCode}}") != "137"
    finally:
        docker("rm", "--force", "--volumes", identifier)
