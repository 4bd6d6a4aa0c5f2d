"""Two replicas behind nginx that are restarted one after the other, while clients ask again and again."""

import itertools
import json
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any

from tests.support.nginx import Proxy, connection_to, proxying
from tests.support.served import Server, serve, until

REPLICAS = 2
SETTLED_S = 0.5
"""Of load before the first restart and after the last."""


@dataclass
class Seen:
    """What clients saw, by what they did."""

    answered: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, kind: str, seconds: float) -> None:
        with self.lock:
            self.answered[kind] += 1
            self.slowest_s = max(self.slowest_s, seconds)


class Client:
    """One connection, kept as long as the proxy does; what is not an answer is a failure."""

    def __init__(self, proxy: Proxy, seen: Seen, number: int) -> None:
        self._connection = connection_to(proxy)
        self._seen = seen
        self.numbers = itertools.count(number * 1_000_000)

    def close(self) -> None:
        self._connection.close()

    def ask(
        self,
        kind: str,
        method: str,
        path: str,
        body: str | None = None,
        expected: Sequence[int] = (200,),
        **headers: str,
    ) -> tuple[HTTPResponse, bytes] | None:
        """An answer; None where there was none, or another one than expected."""
        sent = {"content-type": "application/json", **{name.replace("_", "-"): text for name, text in headers.items()}}
        began = time.monotonic()
        try:
            self._connection.request(method, path, body, sent)
            reply = self._connection.getresponse()
            content = reply.read()
        except (OSError, HTTPException) as error:
            self._connection.close()
            self._seen.failed.append(f"{kind}: {error!r}")
            return None
        if reply.status not in expected:
            self._seen.failed.append(f"{kind}: {reply.status} {content[:300]!r}")
            return None
        self._seen.count(kind, time.monotonic() - began)
        return reply, content


def problem(number: int) -> dict[str, Any]:
    """A problem that nobody has asked about."""
    decay = 0.1 + 1e-9 * number
    return {
        "network": {"layers": [{"width": 2, "weight_decay": decay}, {"width": 1, "weight_decay": decay}]},
        "data": {"kind": "moments", "xx": [[1.0]], "xy": [[0.9]], "yy": 1.0},
    }


def compute(client: Client) -> None:
    client.ask("answers at once", "POST", "/v1/minima", json.dumps(problem(next(client.numbers))))


def look_up(client: Client) -> None:
    client.ask("look-ups", "GET", "/v1/theorems")


def upload(client: Client) -> None:
    rows = f"x,y\n1,{next(client.numbers)}\n2,1\n"
    client.ask("uploads", "POST", "/v1/datasets", rows, (200, 201), content_type="text/csv")


def submit(client: Client) -> None:
    asked = json.dumps(problem(next(client.numbers)))
    stored = client.ask("jobs submitted", "POST", "/v1/minima", asked, (200, 202), prefer="respond-async")
    if stored is not None:
        client.ask("jobs looked at", "GET", stored[0].headers["location"])


def follow(client: Client) -> None:
    """A job from its submission to its end, by its events, as a browser does: coming back with the last id."""
    asked = json.dumps(problem(next(client.numbers)))
    stored = client.ask("jobs submitted", "POST", "/v1/minima", asked, (200, 202), prefer="respond-async")
    if stored is None:
        return
    place, last, ended = stored[0].headers["location"], 0, False
    while not ended:
        streamed = client.ask("event streams", "GET", f"{place}/events", last_event_id=str(last))
        if streamed is None:
            return
        lines = streamed[1].decode().splitlines()
        last = max([last, *(int(line.removeprefix("id: ")) for line in lines if line.startswith("id: "))])
        state = client.ask("jobs looked at", "GET", place)
        if state is None:
            return
        ended = json.loads(state[1])["state"] == "successful"
    client.ask("results", "GET", f"{place}/results")


@contextmanager
def asking(proxy: Proxy, seen: Seen, doings: Sequence[Callable[[Client], None]], pause_s: float) -> Iterator[None]:
    """A client for each doing, again and again."""
    stopped = threading.Event()

    def repeat(doing: Callable[[Client], None], number: int) -> None:
        with closing(Client(proxy, seen, number)) as client:
            while not stopped.wait(pause_s):
                doing(client)

    threads = [threading.Thread(target=repeat, args=(doing, number)) for number, doing in enumerate(doings)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopped.set()
        for thread in threads:
            thread.join()


class Replica:
    """A server that can be restarted at its socket."""

    def __init__(self, folder: Path, name: str, **settings: str) -> None:
        self.place = f"/tmp/minima-{folder.name[-40:]}-{name}.sock"
        self._folder = folder
        self._settings = settings
        self._running = ExitStack()
        self.server: Server | None = None

    def start(self) -> None:
        made = serve(self._folder, "--uds", self.place, first_on_path=None, **self._settings)
        self.server = self._running.enter_context(made)

    def stop(self) -> float:
        """Seconds that it took to end in good order."""
        assert self.server is not None
        taken = self.server.terminate()
        assert self.server.process.returncode == 0
        assert "Traceback" not in self.server.told(), self.server.told()
        self._running.close()
        return taken

    def reload(self) -> None:
        """Wait until it has replaced itself and serves again."""
        server = self.server
        assert server is not None
        begun = self._begun(server)
        server.process.send_signal(signal.SIGHUP)
        until(lambda: self._begun(server) > begun, server)
        server.until_ready()

    @staticmethod
    def _begun(server: Server) -> int:
        return sum("serving on " in line for line in server.lines)


def roll(
    folder: Path,
    times: int,
    doings: Sequence[Callable[[Client], None]],
    pause_s: float = 0.0,
    *,
    reload: bool = False,
    **settings: str,
) -> tuple[Seen, float]:
    """Restart each replica so many times under load; what clients saw, and the longest time that one took to end.

    With ``reload`` each is also told by SIGHUP to replace itself, as often.
    """
    seen, longest = Seen(), 0.0
    replicas = [Replica(folder, str(number), **settings) for number in range(REPLICAS)]
    for replica in replicas:
        replica.start()
    try:
        with (
            proxying(folder / "nginx", [f"unix:{replica.place}" for replica in replicas]) as proxy,
            asking(proxy, seen, doings, pause_s),
        ):
            time.sleep(SETTLED_S)
            for replica in replicas * times:
                longest = max(longest, replica.stop())
                replica.start()
                if reload:
                    replica.reload()
            time.sleep(SETTLED_S)
    finally:
        for replica in replicas:
            replica.stop()
    return seen, longest
