"""Many problems a request: what is saved on the way, and a hundred thousand decays end to end."""

import io
import time
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import orjson

from benchmarks.comparison import Comparison
from benchmarks.load import load, request_of
from benchmarks.problems import bodies, problems
from benchmarks.server import Served, serving

ROUNDS: Final = 4
BATCHES: Final = 2
PROBLEMS: Final = 64
TARGET: Final = 4.0
COLUMNS: Final = ("status", "loss", "lower_bound", "relative_gap", "norm", "trivial", "rank")
VALUES: Final = 100_000
TARGET_S: Final = 0.1
ARCHIVE: Final = "application/x-npz"


def compare() -> list[Comparison]:
    """Interleaved rounds on one server: best of solves in a second of its core, and the best sweep by the clock."""
    singles: list[float] = []
    batches: list[float] = []
    tables: list[float] = []
    shared: list[float] = []
    sweeps: list[float] = []
    with serving() as served:
        for turn in range(ROUNDS):
            singles.append(_rate(served, _singles(turn)))
            batches.append(PROBLEMS * _rate(served, _batches(turn)))
            tables.append(PROBLEMS * _rate(served, _batches(turn, columns=COLUMNS)))
            shared.append(PROBLEMS * _rate(served, _shared(turn)))
            sweeps.append(_sweep_s(served.port, turn))
    return [
        _against(max(singles), f"batch of {PROBLEMS} independent problems a request, certified columns", max(tables)),
        _against(max(singles), "the same with full answers", max(batches), bound=1.0),
        _against(max(singles), f"batch of {PROBLEMS} decay scales of one problem a request", max(shared)),
        Comparison(
            work="sweep of 10^5 decays over HTTP, npz, end to end",
            measured=min(sweeps),
            reference="a tenth of a second",
            measured_reference=TARGET_S,
            unit="s",
            bound=1.0,
            at_least=False,
        ),
    ]


def _against(single: float, work: str, rate: float, bound: float = TARGET) -> Comparison:
    return Comparison(work, rate, "single requests", single, "solves per core second", bound, at_least=True)


def _rate(served: Served, requests: list[bytes]) -> float:
    """Requests in a second of the server's core."""
    used = served.cpu_s()
    load(served.port, requests)
    return len(requests) / (served.cpu_s() - used)


def _singles(turn: int) -> list[bytes]:
    return [request_of("/v1/minima", body) for body in bodies(BATCHES * PROBLEMS, seed=300 + turn)]


def _batches(turn: int, columns: Sequence[str] = ()) -> list[bytes]:
    wanted = {"return": list(columns)} if columns else {}
    listed = list(problems(BATCHES * PROBLEMS, seed=400 + turn))
    starts = range(0, len(listed), PROBLEMS)
    return [_batch({"problems": listed[start : start + PROBLEMS], **wanted}) for start in starts]


def _shared(turn: int) -> list[bytes]:
    scales = np.geomspace(0.01, 10.0, PROBLEMS).tolist()
    listed = problems(10 * BATCHES, seed=500 + turn)
    return [_batch({"problem": problem, "vary": {"decay_scale": scales}}) for problem in listed]


def _batch(document: dict[str, Any]) -> bytes:
    return request_of("/v1/minima/batch", orjson.dumps(document))


def _sweep_s(port: int, turn: int) -> float:
    """Seconds from arrays to arrays: writing the request, the service, reading the answer."""
    problem = next(problems(1, seed=600 + turn))
    scales = np.geomspace(1e-3, 1e3, VALUES)
    start = time.perf_counter()
    document = orjson.dumps({"problem": problem, "vary": {}}).decode()
    stream = io.BytesIO()
    arrays: dict[str, Any] = {"request": np.array(document), "vary.decay_scale": scales}
    np.savez(stream, **arrays)
    body = stream.getvalue()
    headers = request_of("/v1/minima/batch", body, ARCHIVE).replace(b"\r\n", f"\r\naccept: {ARCHIVE}\r\n".encode(), 1)
    answer = load(port, [headers], connections=1).answers[0]
    with np.load(io.BytesIO(answer)) as found:
        columns: dict[str, npt.NDArray[Any]] = dict(found)
    seconds = time.perf_counter() - start
    assert columns["loss"].shape == (VALUES,)
    assert np.all(np.diff(columns["loss"]) >= -1e-12)
    assert bool(columns["trivial"][-1])
    assert not columns["trivial"][0]
    return seconds
