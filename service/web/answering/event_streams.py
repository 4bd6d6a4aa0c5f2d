"""Events of jobs on their way to many listeners: the store is asked once for all of them.

One query a turn counts the events of every job that anybody listens to; what is new of a job is read once, written once
and sent to all its listeners.  A listener that is behind what is remembered catches up from the store by itself.
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, contextmanager
from typing import Final, TypeAlias

from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from service.errors import EngineError, JobError
from service.jobs.store.readers import JobReader
from service.jobs.values import Event
from service.web.answering.jobs import stored

Written: TypeAlias = tuple[int, bytes]
"""The id of an event, and the event as it is sent."""

POLL_S: Final = 0.15
HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
KEEPALIVE_S: Final = 15.0
AWAY_S: Final = 1.0
"""Seconds between two questions to a store that is away."""
REMEMBERED: Final = 1_000
"""Events of a job that are kept in memory while somebody listens."""
WOKEN_AT_ONCE: Final = 10
WAKING_PAUSE_S: Final = 0.002
"""Between two groups of listeners that are woken, other requests have their turn."""


class Feed:
    """The last events of one job, and who waits for the next."""

    def __init__(self) -> None:
        self.ended = False
        self.sent: int | None = None
        self.waiting: set[asyncio.Event] = set()
        self._last: Final[deque[Written]] = deque(maxlen=REMEMBERED)
        self._forgotten = 0

    def begin(self, count: int) -> None:
        """Remember from here on: ids rise by one, so that a count is the id of the last event."""
        self._forgotten = self.sent = max(0, count - REMEMBERED)

    def has_sent(self, count: int) -> bool:
        """Whether so many events were remembered, and so sent."""
        return self.sent is not None and self.sent >= count

    def add(self, events: Sequence[Event]) -> None:
        """Remember the next events."""
        for event in events:
            if len(self._last) == REMEMBERED:
                self._forgotten = self._last[0][0]
            self._last.append((event.id, written(event)))
            self.sent = event.id

    def behind(self, after: int) -> list[Written] | None:
        """The events after an id; None if some of them are not remembered any more."""
        if after < self._forgotten:
            return None
        found: list[Written] = []
        for each in reversed(self._last):
            if each[0] <= after:
                break
            found.append(each)
        return found[::-1]


class EventStreams:
    """Streams of the events of jobs.

    Parameters
    ----------
    store : JobReader
    most : int
        Streams that may be open at once.
    """

    def __init__(self, store: JobReader, most: int) -> None:
        self._store: Final = store
        self._most: Final = most
        self._open = 0
        self._closed = False
        self._feeds: Final[dict[tuple[str, str], Feed]] = {}
        self._polling: asyncio.Task[None] | None = None

    @contextmanager
    def place(self) -> Iterator[None]:
        """Take the place of one stream; `EngineError` if there is none."""
        if self._open >= self._most:
            raise EngineError("as many event streams are open as this server allows; ask for the job instead")
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1

    def close(self) -> None:
        """End every stream, so that a server can stop; those who listen come back to another one."""
        self._closed = True
        for feed in self._feeds.values():
            _wake(feed.waiting)

    async def follow(self, identity: str, tenant: str, after: int) -> AsyncGenerator[bytes, None]:
        """The events of a job after an id until it has ended, with a comment now and then while nothing happens."""
        feed = self._feeds.setdefault((identity, tenant), Feed())
        news = asyncio.Event()
        feed.waiting.add(news)
        self._ensure_polling()
        try:
            while not self._closed:
                news.clear()
                found = feed.behind(after)
                if found is None:
                    found = await self._caught_up(identity, tenant, after)
                for number, text in found:
                    after = number
                    yield text
                if feed.ended and not found:
                    return
                if not found and not await _happens(news):
                    yield KEEPALIVE_COMMENT
        finally:
            feed.waiting.discard(news)
            if not feed.waiting and self._feeds.get((identity, tenant)) is feed:
                del self._feeds[identity, tenant]

    async def _caught_up(self, identity: str, tenant: str, after: int) -> list[Written]:
        """Events that are not in memory; none while the store is away."""
        try:
            _, events = await stored(self._store.events, identity, tenant, after)
        except JobError:
            return []
        except EngineError:
            await asyncio.sleep(AWAY_S)
            return []
        return [(event.id, written(event)) for event in events]

    def _ensure_polling(self) -> None:
        if self._polling is None or self._polling.done():
            self._polling = asyncio.create_task(self._poll())

    async def _poll(self) -> None:
        """Ask for news as long as anybody listens."""
        try:
            while self._feeds:
                try:
                    await self._turn()
                except EngineError:
                    await asyncio.sleep(AWAY_S)
                else:
                    await asyncio.sleep(POLL_S)
        finally:
            # nobody waits for what is not asked for any more
            for feed in self._feeds.values():
                feed.ended = True
                _wake(feed.waiting)
            self._feeds.clear()

    async def _turn(self) -> None:
        feeds = dict(self._feeds)
        counted = await stored(self._store.event_counts, [identity for identity, _ in feeds])
        for (identity, tenant), feed in feeds.items():
            count, ended = counted.get(identity, (0, True))
            began = feed.sent
            if began is None:
                feed.begin(count)
            # fewer events than were sent before: the job was removed, and perhaps made anew
            removed = began is not None and count < began
            if not removed:
                await self._read(identity, tenant, feed, count)
            if removed or (ended and feed.has_sent(count)):
                self._end(identity, tenant, feed)
            if feed.ended or feed.sent != began:
                await _wake_in_turn(feed.waiting)

    async def _read(self, identity: str, tenant: str, feed: Feed, count: int) -> None:
        """Read what is new of one job."""
        while not feed.has_sent(count):
            try:
                _, events = await stored(self._store.events, identity, tenant, feed.sent or 0)
            except JobError:
                return
            if not events:
                return
            feed.add(events)

    def _end(self, identity: str, tenant: str, feed: Feed) -> None:
        feed.ended = True
        if self._feeds.get((identity, tenant)) is feed:
            del self._feeds[identity, tenant]


class EventStream(StreamingResponse):
    """The response that streams; it has its place as long as it lasts."""

    media_type = "text/event-stream"

    def __init__(self, streams: EventStreams, identity: str, tenant: str, after: int) -> None:
        self._streams = streams
        self._events = streams.follow(identity, tenant, after)
        super().__init__(self._events, headers=HEADERS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream until the job has ended, the server stops, or the caller is gone."""
        with self._streams.place():
            async with aclosing(self._events):
                await super().__call__(scope, receive, send)


def written(event: Event) -> bytes:
    """An event as it is sent."""
    data = json.dumps({**event.data, "at": event.at})
    return format_sse_event(data_str=data, event=event.name, id=str(event.id))


async def _happens(news: asyncio.Event) -> bool:
    """Wait for news; False if there are none for long."""
    try:
        async with asyncio.timeout(KEEPALIVE_S):
            await news.wait()
    except TimeoutError:
        return False
    return True


def _wake(waiting: set[asyncio.Event]) -> None:
    for news in waiting:
        news.set()


async def _wake_in_turn(waiting: set[asyncio.Event]) -> None:
    """Wake everybody, a few at a time."""
    listeners = list(waiting)
    for first in range(0, len(listeners), WOKEN_AT_ONCE):
        _wake(set(listeners[first : first + WOKEN_AT_ONCE]))
        await asyncio.sleep(WAKING_PAUSE_S)
