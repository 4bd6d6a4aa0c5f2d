"""Many listeners of one job: what they hear, what the store is asked for them, and how many there may be."""

import socket
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import delete

from service.jobs.from_settings import jobs_config
from service.jobs.service import JobService
from service.jobs.store.readers import JobReader
from service.jobs.store.rows import append_event
from service.jobs.store.tables import jobs
from service.jobs.values import Submission
from service.settings import Settings
from service.web.answering import event_streams
from tests.serving import call, serving
from tests.support.job_stacks import until

LISTENERS = 40


class Listener:
    """One open stream, read with a plain socket."""

    def __init__(self, base: str, job: str, after: int = 0) -> None:
        address = urlsplit(base)
        self._socket = socket.create_connection((address.hostname, address.port), timeout=30)
        head = (
            f"GET /v1/jobs/{job}/events HTTP/1.1\r\nHost: here\r\nLast-Event-ID: {after}\r\nConnection: close\r\n\r\n"
        )
        self._socket.sendall(head.encode())
        self._file = self._socket.makefile("rb")
        self.status = int(self._file.readline().split()[1])

    def ids(self, count: int | None = None) -> list[int]:
        """Ids of so many events, or of all until the stream ends."""
        found: list[int] = []
        while len(found) != count:
            line = self._file.readline()
            if not line:
                break
            if line.startswith(b"id: "):
                found.append(int(line[4:]))
        return found

    def close(self) -> None:
        self._file.close()
        self._socket.close()


class Stand:
    """A server that computes nothing, and a hand that writes the events of its jobs."""

    def __init__(self, base: str, service: JobService) -> None:
        self.base, self.service = base, service

    def job(self, seed: int = 0) -> str:
        """A new job; its first event says that it was accepted."""
        request = {"problem": {}, "seed": seed}
        return self.service.store.submit(Submission("minima", request))[0].id

    def tell(self, job: str, count: int = 1) -> None:
        database = self.service._database
        for number in range(count):
            with database.writing() as connection:
                append_event(connection, database.clock, job, "progress", {"chunks_done": number})

    def end(self, job: str) -> None:
        assert self.service.store.dismiss(job, "anonymous") is not None


@pytest.fixture
def stand_with(database_url: str) -> Iterator[Callable[..., Stand]]:
    with ExitStack() as stack:

        def made(**changes: Any) -> Stand:
            settings = Settings(database_url=database_url, workers=0, log_level="error", **changes)
            service = JobService(jobs_config(settings), drive=False)
            stack.callback(service.stop)
            return Stand(stack.enter_context(serving(settings)), service)

        yield made


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often the store was really asked for events."""
    found: Counter[str] = Counter()

    def counted(name: str) -> None:
        real = getattr(JobReader, name)

        def method(self: JobReader, *arguments: Any) -> Any:
            found[name] += 1
            return real(self, *arguments)

        monkeypatch.setattr(JobReader, name, method)

    counted("events")
    counted("event_counts")
    return found


def test_the_store_is_asked_once_for_all_listeners(stand_with: Callable[..., Stand], asked: Counter[str]) -> None:
    stand = stand_with()
    job = stand.job()
    with ExitStack() as stack:
        listeners = [stack.enter_context(closing(Listener(stand.base, job))) for _ in range(LISTENERS)]
        assert [each.ids(1) for each in listeners] == [[1]] * LISTENERS
        stand.tell(job, 3)
        assert [each.ids(3) for each in listeners] == [[2, 3, 4]] * LISTENERS
        stand.end(job)
        assert [each.ids() for each in listeners] == [[5]] * LISTENERS
    assert asked["events"] <= 5, "what is new is read once for each turn that finds something"
    assert asked["event_counts"] >= 3


def test_what_happens_between_counting_and_reading_ends_no_stream(
    stand_with: Callable[..., Stand], monkeypatch: pytest.MonkeyPatch
) -> None:
    stand = stand_with()
    job = stand.job()
    counted = JobReader.event_counts

    def late(self: JobReader, identities: Sequence[str]) -> Mapping[str, tuple[int, bool]]:
        found = counted(self, identities)
        stand.tell(job)
        return found

    monkeypatch.setattr(JobReader, "event_counts", late)
    with closing(Listener(stand.base, job)) as listener:
        assert listener.ids(10) == list(range(1, 11))


def test_two_jobs_are_asked_for_together(stand_with: Callable[..., Stand], asked: Counter[str]) -> None:
    stand = stand_with()
    first, other = stand.job(1), stand.job(2)
    with closing(Listener(stand.base, first)) as one, closing(Listener(stand.base, other)) as two:
        assert (one.ids(1), two.ids(1)) == ([1], [1])
        asked.clear()
        stand.tell(other)
        assert two.ids(1) == [2]
        stand.end(first)
        assert one.ids() == [2]
    assert asked["events"] <= 2


def test_who_is_far_behind_catches_up(
    stand_with: Callable[..., Stand], asked: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_streams, "REMEMBERED", 4)
    stand = stand_with()
    job = stand.job()
    stand.tell(job, 11)
    with closing(Listener(stand.base, job, 11)) as near, closing(Listener(stand.base, job)) as far:
        assert near.ids(1) == [12]
        assert far.ids(12) == list(range(1, 13))
        stand.tell(job, 9)
        assert near.ids(9) == far.ids(9) == list(range(13, 22))
        stand.end(job)
        assert near.ids() == far.ids() == [22]
    assert asked["events"] < 15


def test_a_stream_from_beyond_the_last_event_ends_with_its_job(stand_with: Callable[..., Stand]) -> None:
    stand = stand_with()
    job = stand.job()
    with closing(Listener(stand.base, job, 1_000_000)) as early, closing(Listener(stand.base, job)) as usual:
        assert usual.ids(1) == [1]
        stand.end(job)
        assert (early.ids(), usual.ids()) == ([], [2])


def test_a_removed_job_ends_its_streams(stand_with: Callable[..., Stand]) -> None:
    stand = stand_with()
    job = stand.job()
    with closing(Listener(stand.base, job)) as listener:
        assert listener.ids(1) == [1]
        with stand.service._database.writing() as connection:
            connection.execute(delete(jobs).where(jobs.c.id == job))
        assert listener.ids() == []


def test_more_streams_than_allowed_are_refused(stand_with: Callable[..., Stand]) -> None:
    stand = stand_with(max_event_streams=2)
    job = stand.job()
    with closing(Listener(stand.base, job)) as one, closing(Listener(stand.base, job)) as two:
        assert (one.ids(1), two.ids(1)) == ([1], [1])
        refused = call(stand.base, "GET", f"/v1/jobs/{job}/events")
        assert (refused.status, refused.json["type"]) == (503, "/problems/engine-unavailable")
        assert int(refused.headers["retry-after"]) > 0
        assert call(stand.base, "GET", f"/v1/jobs/{job}").status == 200
    # those who left have given their places back
    until(lambda: _is_let_in(stand.base, job))


def _is_let_in(base: str, job: str) -> bool:
    with closing(Listener(base, job)) as listener:
        return listener.status == 200
