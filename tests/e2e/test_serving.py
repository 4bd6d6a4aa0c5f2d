"""The service as operators run it: in one process or several, reloaded, stopped and killed."""

import json
import signal
import threading
from contextlib import ExitStack, closing
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, Self

import psutil  # type: ignore[import-untyped]  # ships no annotations
import pytest

from tests.support.served import Server, serve, until

HTTP, DRIVER = "spawn_main", "-m service.jobs"
VERSIONS = 'minima_http_requests_total{method="GET",route="/version",status="200"}'
PAUSE_S = 0.03
STREAMS = 20
PROBLEM = {
    "network": {"layers": [{"width": 2, "weight_decay": 0.1}, {"width": 1, "weight_decay": 0.1}]},
    "data": {"kind": "moments", "xx": [[1.0]], "xy": [[0.9]], "yy": 1.0},
}


class Load:
    """Clients that ask again and again, each over a connection that it keeps as long as the server does."""

    def __init__(self, server: Server, clients: int = 2) -> None:
        self.failed: list[str] = []
        self.answered = 0
        self._server = server
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(clients)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join(30)

    def _ask(self) -> None:
        connection = self._server.connect()
        while not self._stopped.wait(PAUSE_S):
            try:
                connection.request("POST", "/v1/minima", json.dumps(PROBLEM), {"content-type": "application/json"})
                reply = connection.getresponse()
                reply.read()
                if reply.status == 200:
                    self.answered += 1
                else:
                    self.failed.append(str(reply.status))
            except (OSError, HTTPException) as error:
                self.failed.append(repr(error))
                connection.close()
        connection.close()


def settle(server: Server, processes: int) -> None:
    """Wait until so many HTTP processes serve."""
    until(lambda: len(server.children(HTTP)) == processes, server)
    server.until_ready(5)


def streams_of_a_job(server: Server, until_then: ExitStack) -> list[HTTPResponse]:
    """Streams of the events of a job that nobody computes, each at its first event."""
    connection = until_then.enter_context(closing(server.connect()))
    headers = {"content-type": "application/json", "prefer": "respond-async"}
    connection.request("POST", "/v1/minima", json.dumps(PROBLEM), headers)
    place = until_then.enter_context(connection.getresponse()).headers["location"]
    opened = []
    for _ in range(STREAMS):
        connection = until_then.enter_context(closing(server.connect()))
        connection.request("GET", f"{place}/events")
        opened.append(until_then.enter_context(connection.getresponse()))
        assert opened[-1].readline() == b"event: state\n"
    return opened


def test_several_processes_have_one_driver_and_metrics_that_add_up(tmp_path: Path) -> None:
    place = tmp_path / "http.sock"
    with serve(tmp_path, "--workers", "2", "--uds", str(place), "--root-path", "/minima", WORKERS="1") as server:
        settle(server, 2)
        assert server.place == f"unix:{place}"
        for _ in range(60):
            assert server.get("/minima/version")[0] == 200
        until(lambda: server.counted(VERSIONS) == 60, server)
        assert server.get("/minima/nothing")[1]["type"] == "/minima/problems/not-found"
        until(lambda: server.get("/readyz")[1].get("driver") is True, server)
        assert len(server.children(DRIVER)) == 1

        before = {each.pid for each in server.children(HTTP)}
        victim = next(iter(before))
        psutil.Process(victim).kill()
        until(lambda: len({each.pid for each in server.children(HTTP)} - {victim}) == 2, server)
        server.until_ready(5)
        assert server.get("/version")[0] == 200
        until(lambda: server.counted(VERSIONS) == 61, server)
        assert server.counted("minima_http_requests_in_progress") == 1

        # no process outlives the one above it
        below = psutil.Process(server.process.pid).children(recursive=True)
        server.process.kill()
        _, alive = psutil.wait_procs(below, timeout=60)
        assert alive == []


@pytest.mark.parametrize("processes", [1, 2])
def test_a_reload_reads_the_settings_anew_and_fails_no_request(tmp_path: Path, processes: int) -> None:
    place = tmp_path / "http.sock"
    with serve(tmp_path, "--workers", str(processes), "--uds", str(place), SHUTDOWN_GRACE_S="60") as server:
        settle(server, processes if processes > 1 else 0)
        with Load(server) as load:
            until(lambda: load.answered > 20, server)
            (tmp_path / ".env").write_text("MINIMA_ROOT_PATH=/reloaded\n")
            server.process.send_signal(signal.SIGHUP)

            def is_reloaded() -> bool:
                return all(server.get("/nothing")[1]["type"].startswith("/reloaded") for _ in range(8))

            until(is_reloaded, server)
            answered = load.answered
            until(lambda: load.answered > answered + 20, server)
        assert load.failed == []
        server.terminate()
    assert server.process.returncode == 0
    assert not place.exists()
    # a single process tells its address again
    told = server.told()
    assert len(told.splitlines()) == 3 - processes, told


@pytest.mark.parametrize("processes", [1, 2])
def test_an_end_leaves_no_stream_hanging(tmp_path: Path, processes: int) -> None:
    with serve(tmp_path, "--workers", str(processes), SHUTDOWN_GRACE_S="3600") as server:
        settle(server, processes if processes > 1 else 0)
        with ExitStack() as until_then:
            opened = streams_of_a_job(server, until_then)
            # long before the grace is over
            server.terminate()
            for stream in opened:
                # raises if the server ended the connection before the body
                stream.read()
    assert server.process.returncode == 0
    assert len(server.told().splitlines()) == 1


def test_what_is_not_done_within_the_grace_is_told_so(tmp_path: Path) -> None:
    with serve(tmp_path, SHUTDOWN_GRACE_S="1") as server, closing(server.connect()) as connection:
        connection.putrequest("POST", "/v1/minima")
        connection.putheader("content-type", "application/json")
        connection.putheader("content-length", "10")
        connection.endheaders(b"{")
        until(lambda: server.counted("minima_http_requests_in_progress") == 2, server)
        server.terminate()
        reply = connection.getresponse()
        assert reply.status == 503
        assert json.loads(reply.read())["type"] == "/problems/engine-unavailable"
    assert server.process.returncode == 0
    assert "Traceback" not in server.told()


def test_what_it_says_is_json_also_of_its_driver_and_of_wrong_settings(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("MINIMA_WORKRES=3\n")
    with serve(tmp_path, LOG_LEVEL="info", WORKERS="1", MAX_INPUT="5") as server:
        until(lambda: server.get("/readyz")[1]["driver"] is True, server)
        for process in server.children(DRIVER):
            process.kill()
        until(lambda: any("the driver ended" in line for line in server.lines), server)

        (tmp_path / ".env").write_text("MINIMA_PROCESSES=none\n")
        server.process.send_signal(signal.SIGHUP)
        until(lambda: any("the settings stay as they were" in line for line in server.lines), server)
        assert server.get("/version")[0] == 200

        connection = server.connect()
        connection.connect()
        connection.sock.sendall(b"not HTTP\r\n\r\n")
        assert b"400" in connection.sock.recv(1000)
        connection.close()
    events: list[dict[str, Any]] = [json.loads(line) for line in server.told().splitlines()]
    assert all({"event", "level", "timestamp"} <= event.keys() for event in events)
    unknown = {event["event"] for event in events if "is not a setting" in event["event"]}
    assert unknown == {
        "MINIMA_MAX_INPUT is not a setting and changes nothing; the nearest one is MINIMA_MAX_INPUTS",
        "MINIMA_WORKRES is not a setting and changes nothing; the nearest one is MINIMA_WORKERS",
    }
