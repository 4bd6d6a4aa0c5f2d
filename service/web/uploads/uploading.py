"""Uploads: reduced while they arrive, in a process of their own, and given the identity that they are stored under."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import orjson
from starlette.requests import Request

from service.errors import EngineError, LimitExceeded
from service.jobs.store.datasets import DatasetRecord
from service.jobs.values import Payload
from service.operations.datasets import identity_of, reduce_upload
from service.operations.mapping.datasets import columns_of, facts_of
from service.operations.uploads.formats import FORMAT_BY_NAME
from service.schemas.datasets import AppliedOptions, DatasetFacts, Format, UploadOptions
from service.settings import Settings, UploadLimits
from service.web.answering.process import OwnProcess
from service.web.bodies.arriving import Arrival
from service.web.uploads.datasets import packed
from service.web.uploads.receiving import ReceivedFile, receiving
from service.web.uploads.relay import Relay, arriving, named_pipe

LEAVE_S: Final = 5.0
"""Seconds within which an upload that gives way has left its place."""


@dataclass(frozen=True, slots=True)
class ReadUpload:
    """What was kept of a file, ready to be stored."""

    record: DatasetRecord
    content: Payload


@dataclass(frozen=True, slots=True)
class Reduced:
    """The summary of a file whose hash and size the sender knows."""

    options: AppliedOptions
    facts: DatasetFacts
    columns: str
    numbers: int
    sample_numbers: int
    content: Payload


class Uploads:
    """Receives and reads a few files at a time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._limits = UploadLimits.model_validate(settings.model_dump(include=set(UploadLimits.model_fields)))
        # a file that arrives slowly must not hold up another
        at_once = settings.uploads_at_once
        self._processes = OwnProcess(at_once, settings.upload_folder, processes=at_once)
        self._arrivals: list[Arrival] = []
        self._left = asyncio.Event()

    async def read(self, request: Request, options: UploadOptions) -> ReadUpload:
        """The file of a request as it is kept.

        Raises
        ------
        ServiceError
            If it cannot be received, or what is wrong with it.
        """
        limit_s = self._limits.max_upload_seconds
        await self._find_place()
        arrival = Arrival(request, self._settings)
        self._arrivals.append(arrival)
        try:
            async with asyncio.timeout(limit_s):
                file = await receiving(request, arrival, self._limits.max_upload_bytes)
                return await self._relayed(file, options)
        except TimeoutError:
            raise LimitExceeded((), "max_upload_seconds", limit_s, "seconds") from None
        finally:
            self._arrivals.remove(arrival)
            self._left.set()

    async def _find_place(self) -> None:
        """Take the place of the slowest upload where all are taken; `EngineError` where none of them is slow."""
        deadline = asyncio.get_running_loop().time() + LEAVE_S
        while len(self._arrivals) >= self._settings.uploads_at_once:
            slowest = min(self._arrivals, key=Arrival.rate)
            if slowest.rate() >= self._settings.slow_upload_rate or asyncio.get_running_loop().time() > deadline:
                raise EngineError("too many uploads are being received; `uploads_at_once` is the limit")
            slowest.give_way()
            self._left.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._left.wait(), LEAVE_S)

    async def _relayed(self, file: ReceivedFile, options: UploadOptions) -> ReadUpload:
        """Read a file while it is received; one that turns out to be wrong is received to its end all the same.

        Many clients look for an answer only when they have sent everything.
        """
        form = file.format.name
        async with named_pipe(self._settings.upload_folder) as path:
            call = self._processes.run(self._limits.max_upload_seconds, read_upload, path, form, options, self._limits)
            reading = asyncio.ensure_future(call)
            relay = Relay(path, reading)
            try:
                async for piece in file.pieces:
                    await relay.send(piece)
                digest = await relay.finish()
                found = await reading
            finally:
                relay.close()
                reading.cancel()
        return _stored(found, form, digest, relay.size)

    def close(self) -> None:
        """Drop what waits."""
        self._processes.close()


def read_upload(path: str, form: Format, options: UploadOptions, limits: UploadLimits) -> Reduced:
    """Reduce what comes out of a named pipe; what it raises is raised again in the process that asked."""
    with arriving(path) as stream:
        found = reduce_upload(stream, FORMAT_BY_NAME[form], options, limits)
    samples = found.samples
    return Reduced(
        options=found.options,
        facts=facts_of(found),
        columns=columns_of(found).model_dump_json(),
        numbers=found.factor.r.size + sum(fold.r.size for fold in found.folds),
        sample_numbers=0 if samples is None else samples.x.size + samples.y.size,
        content=packed(found),
    )


def _stored(found: Reduced, form: Format, digest: str, size: int) -> ReadUpload:
    identity = identity_of(form, digest, found.options)
    summary = {"id": identity, "format": form, "bytes": size, **found.facts.document()}
    record = DatasetRecord(
        id=identity,
        summary=orjson.dumps(summary).decode(),
        columns=found.columns,
        numbers=found.numbers,
        sample_numbers=found.sample_numbers,
    )
    return ReadUpload(record, found.content)
