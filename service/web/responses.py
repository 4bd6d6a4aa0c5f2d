"""Answers as bytes: each model is written by its own serialiser, once."""

import asyncio
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from service.operations.answered import Answered, SweepTable
from service.schemas.base import Wire
from service.schemas.batch import ProblemsAnswer, ProblemsHeader, VariedHeader
from service.schemas.generated import GeneratedProblem
from service.schemas.problem_details import ProblemDetails
from service.web.addresses import address
from service.web.bodies.npz import write_npz
from service.web.bodies.problem_archive import problem_archive
from service.web.bodies.reading import JSON, NPZ
from service.web.observation.answers import AnswerMetrics
from service.web.observation.solved import NOTHING, Solved
from service.web.problem_details import placed

PIECE_BYTES: Final = 1 << 18
"""Sent at once: what is copied to the system holds the event loop."""


class InPieces(Response):
    """A response of known length that is sent piece by piece."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        if len(self.body) <= PIECE_BYTES:
            await super().__call__(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        whole = memoryview(self.body)
        for start in range(0, len(whole), PIECE_BYTES):
            more = start + PIECE_BYTES < len(whole)
            await send(
                {"type": "http.response.body", "body": bytes(whole[start : start + PIECE_BYTES]), "more_body": more}
            )
            # sending waits only where the receiver is slow
            await asyncio.sleep(0)


LARGE_BYTES: Final = 4_000_000
"""Answers with arrays above it are sent as an archive, whatever is asked for."""


class Settled(Protocol):
    """What became of a question; plain, so that it can come from another process."""

    def counted(self, metrics: AnswerMetrics, operation: str, seconds: float) -> None:
        """Count it, with the seconds that it took to settle."""
        ...

    async def sent(self, request: Request) -> Response:
        """The response to the request that asked."""
        ...


@dataclass(frozen=True, slots=True)
class Rendered:
    """An answer as it is sent: the question was settled at once."""

    content: bytes
    media_type: str = JSON
    status: int = 200
    headers: dict[str, str] | None = None
    seen: Solved = NOTHING

    def response(self) -> Response:
        """The response to send."""
        return InPieces(self.content, self.status, self.headers, self.media_type)

    def counted(self, metrics: AnswerMetrics, operation: str, seconds: float) -> None:
        """Count it among the answers of an operation."""
        metrics.answered(operation, self.seen, seconds)

    async def sent(self, _request: Request) -> Response:
        """The answer; who asked does not matter."""
        return self.response()


def rendered(answer: Wire, seen: Solved = NOTHING) -> Rendered:
    """An answer as JSON; fields that do not apply are left out."""
    return Rendered(answer.__pydantic_serializer__.to_json(answer, exclude_unset=True), seen=seen)


def json_response(answer: Wire) -> Response:
    """The response with an answer as JSON."""
    return rendered(answer).response()


def written(answer: Answered, accept: str, seen: Solved = NOTHING) -> Rendered:
    """An answer as JSON, or as ``.npz`` where its kind can be and the caller accepts that."""
    if isinstance(answer, SweepTable):
        return rendered_sweep(answer, accept, seen)
    if isinstance(answer, GeneratedProblem):
        return rendered_problem(answer, accept, seen)
    if isinstance(answer, ProblemsAnswer):
        entries = [placed(each) if isinstance(each, ProblemDetails) else each for each in answer.answers]
        answer = answer.model_copy(update={"answers": entries})
    return rendered(answer, seen)


def _placed(header: VariedHeader | ProblemsHeader) -> VariedHeader | ProblemsHeader:
    """The header with the addresses of refusals as the caller must ask for them."""
    if isinstance(header, VariedHeader) or header.refused is None:
        return header
    return header.model_copy(update={"refused": [placed(each) for each in header.refused]})


def rendered_problem(answer: GeneratedProblem, accept: str, seen: Solved = NOTHING) -> Rendered:
    """A test problem as JSON, or as ``.npz`` where the caller accepts that.

    Notes
    -----
    See `service.web.bodies.problem_archive`.
    """
    answer = answer.model_copy(update={"url": address(answer.url)})
    if NPZ not in accept:
        return rendered(answer, seen)
    return Rendered(problem_archive(answer), NPZ, seen=seen)


def rendered_sweep(table: SweepTable, accept: str, seen: Solved = NOTHING) -> Rendered:
    """A sweep as JSON, or as ``.npz`` where the caller accepts that; missing numbers are null or NaN."""
    header = _placed(table.header).model_dump(exclude_unset=True)
    if NPZ in accept:
        columns = {name: _without_objects(column) for name, column in table.columns.items()}
        return Rendered(write_npz(columns, orjson.dumps(header)), NPZ, seen=seen)
    header["results"] = {name: _plain(column) for name, column in table.columns.items()}
    return Rendered(orjson.dumps(header, option=orjson.OPT_SERIALIZE_NUMPY), seen=seen)


def _plain(column: npt.NDArray[Any]) -> npt.NDArray[Any] | list[Any]:
    """A column as the writer takes it: words, and entries that may be missing, are not arrays to it."""
    entries: list[Any] = column.tolist() if column.dtype.kind in "UO" else []
    return entries or np.ascontiguousarray(column)


def _without_objects(column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A column as an archive can hold it: what is missing is an empty text, or not a number."""
    if column.dtype.kind != "O":
        return column
    entries = column.tolist()
    if any(isinstance(entry, str) for entry in entries):
        return np.array(["" if entry is None else entry for entry in entries])
    return np.array([np.nan if entry is None else entry for entry in entries], dtype=np.float64)
