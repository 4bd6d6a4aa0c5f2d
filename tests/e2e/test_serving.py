"""The service as operators run it: in one process or several, reloaded, stopped and killed."""

import json
import signal
import socket
import threading
from http.client import HTTPException
from pathlib import Path
from typing import Any, Self

import psutil  # type: ignore[import-untyped]  # ships no annotations
import pytest

from tests.support.served import Server, serve, until

HTTP, DRIVER = "spawn_main", "-m service.jobs"
VERSIONS = 'minima_http_requests_total{method="GET",route="/version",status="200"}'
PAUSE_S = 0.01
PROBLEM = {
    "network": {"layers": [{"width": 2, "weight_decay": 0.1}, {"width": 1, "weight_decay": 0.1}]},
    "data": {"kind": "moments", "xx": [[1.0]], "xy": [[0.9]], "yy": 1.0},
}


class Load:
    """Clients that ask again and again, each over a connection that it keeps as long as the server does."""

    def __init__(self, server: Server, clients: int = 3) -> None:
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
    """Wait until so many HTTP processes serve, and the driver if there is one."""
    until(lambda: len(server.children(HTTP)) == processes, server)
    server.until_ready(5)


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

        assert server.terminate() < 20
    assert server.process.returncode == 0
    assert not place.exists()
    assert "Traceback" not in server.told()


def test_no_process_outlives_the_one_above_it(tmp_path: Path) -> None:
    with serve(tmp_path, "--workers", "2", WORKERS="1") as server:
        settle(server, 2)
        below = psutil.Process(server.process.pid).children(recursive=True)
        server.process.kill()
        _, alive = psutil.wait_procs(below, timeout=40)
        assert alive == []


@pytest.mark.parametrize("processes", [1, 2])
def test_a_reload_reads_the_settings_anew_and_fails_no_request(tmp_path: Path, processes: int) -> None:
    with serve(tmp_path, "--workers", str(processes)) as server, Load(server) as load:
        until(lambda: load.answered > 50, server)
        (tmp_path / ".env").write_text("MINIMA_ROOT_PATH=/reloaded\n")
        server.process.send_signal(signal.SIGHUP)

        def is_reloaded() -> bool:
            return all(server.get("/nothing")[1]["type"].startswith("/reloaded") for _ in range(8))

        until(is_reloaded, server)
        answered = load.answered
        until(lambda: load.answered > answered + 50, server)
    assert load.failed == []


def test_a_reload_with_wrong_settings_changes_nothing(tmp_path: Path) -> None:
    with serve(tmp_path) as server:
        (tmp_path / ".env").write_text("MINIMA_THREADS=none\n")
        server.process.send_signal(signal.SIGHUP)
        until(lambda: any("MINIMA_THREADS" in line for line in server.lines), server)
        assert server.get("/version")[0] == 200


def test_a_socket_that_is_taken_is_told_in_one_line_and_a_left_over_one_is_replaced(tmp_path: Path) -> None:
    place = tmp_path / "http.sock"
    with socket.socket(socket.AF_UNIX) as left_over:
        left_over.bind(str(place))
    refused = pytest.raises(AssertionError, match="choose another place with --uds")
    with serve(tmp_path, "--uds", str(place)), refused, serve(tmp_path, "--uds", str(place)):
        pass


def test_names_that_are_no_settings_are_told_with_the_nearest_one(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("MINIMA_WORKRES=3\n")
    with serve(tmp_path, MAX_INPUT="5") as server:
        told = "".join(server.lines)
    assert "MINIMA_MAX_INPUT is not a setting and changes nothing; the nearest one is MINIMA_MAX_INPUTS" in told
    assert "MINIMA_WORKRES is not a setting and changes nothing; the nearest one is MINIMA_WORKERS" in told
    assert told.count("is not a setting") == 2


@pytest.mark.parametrize("form", ["json", "console"])
def test_every_line_of_the_log_has_its_format(tmp_path: Path, form: str) -> None:
    """Also what the driver, its workers and Python itself say."""
    with serve(tmp_path, LOG_FORMAT=form, LOG_LEVEL="info", WORKERS="1", NONE="1") as server:
        until(lambda: server.get("/readyz")[1]["driver"] is True, server)
        for process in server.children(DRIVER):
            process.kill()
        until(lambda: any("the driver ended" in line for line in server.lines), server)
        connection = server.connect()
        connection.connect()
        connection.sock.sendall(b"not HTTP\r\n\r\n")
        assert b"400" in connection.sock.recv(1000)
        connection.close()
        server.terminate()
    lines = [line for line in server.told().splitlines() if line]
    assert len(lines) > 4
    if form == "json":
        events: list[Any] = [json.loads(line) for line in lines]
        assert all({"event", "level", "timestamp"} <= event.keys() for event in events)
    else:
        assert not any(line.startswith("{") for line in lines)
