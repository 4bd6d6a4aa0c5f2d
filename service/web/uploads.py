"""Uploads: received to disk, reduced in a process of their own, stored."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import orjson
from starlette.requests import Request

from service.errors import EngineError, LimitExceeded, ServiceError
from service.jobs.store.datasets import DatasetRecord
from service.jobs.values import Payload
from service.operations.datasets import reduce_upload
from service.operations.mapping.datasets import summary_of
from service.operations.uploads.formats import FORMAT_BY_NAME
from service.schemas.datasets import UploadOptions
from service.settings import Settings, UploadLimits
from service.web import problems
from service.web.datasets import packed
from service.web.process import OwnProcess
from service.web.receiving import ReceivedFile, receiving
from service.web.responses import Rendered


@dataclass(frozen=True, slots=True)
class ReadUpload:
    """What was kept of a file, ready to be stored."""

    record: DatasetRecord
    content: Payload


class Uploads:
    """Receives and reads a few files at a time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._limits = UploadLimits.model_validate(settings.model_dump(include=set(UploadLimits.model_fields)))
        self._process = OwnProcess(settings.uploads_at_once, settings.upload_folder)
        self._running = 0

    async def read(self, request: Request, options: UploadOptions) -> ReadUpload | Rendered:
        """The file of a request as it is kept, or what is wrong with it.

        Raises
        ------
        ServiceError
            If it cannot be received.
        """
        limit_s = self._limits.max_upload_seconds
        if self._running >= self._settings.uploads_at_once:
            raise EngineError("too many uploads are being received; `uploads_at_once` is the limit")
        self._running += 1
        try:
            async with (
                asyncio.timeout(limit_s),
                receiving(request, self._limits.max_upload_bytes, self._settings.upload_folder) as file,
            ):
                return await self._process.run(limit_s, read_upload, file, options, self._limits)
        except TimeoutError:
            raise LimitExceeded((), "max_upload_seconds", limit_s, "seconds") from None
        finally:
            self._running -= 1

    def close(self) -> None:
        """Drop what waits."""
        self._process.close()


def read_upload(file: ReceivedFile, options: UploadOptions, limits: UploadLimits) -> ReadUpload | Rendered:
    """Reduce a file; deliberate errors come back as problem documents."""
    try:
        with Path(file.path).open("rb") as stream:
            found = reduce_upload(stream, FORMAT_BY_NAME[file.format], file.digest, options, limits)
    except ServiceError as error:
        return problems.rendered(error)
    summary, columns = summary_of(found, file.format, file.size)
    samples = found.samples
    record = DatasetRecord(
        id=found.id,
        summary=orjson.dumps(summary).decode(),
        columns=orjson.dumps(columns).decode(),
        numbers=found.moments.xx.size + found.moments.xy.size,
        sample_numbers=0 if samples is None else samples.x.size + samples.y.size,
    )
    return ReadUpload(record, packed(found))
