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
    single: list[float] = []
    full: list[float] = []
    tables: list[float] = []
    varied: list[float] = []
    sweeps: list[float] = []
    with serving() as served:
        for turn in range(ROUNDS):
            single.append(_rate(served, singles(turn)))
            full.append(PROBLEMS * _rate(served, batches(turn)))
            tables.append(PROBLEMS * _rate(served, batches(turn, columns=COLUMNS)))
            varied.append(PROBLEMS * _rate(served, shared(turn)))
            sweeps.append(_sweep_s(served.port, turn))
    return [
        _against(max(single), f"batch of {PROBLEMS} independent problems a request, certified columns", max(tables)),
        _against(max(single), "the same with full answers", max(full), bound=1.0),
        _against(max(single), f"batch of {PROBLEMS} decay scales of one problem a request", max(varied)),
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


def singles(turn: int) -> list[bytes]:
    """Single problems, each with its body."""
    return [request_of("/v1/minima", body) for body in bodies(BATCHES * PROBLEMS, seed=300 + turn)]


def batches(turn: int, columns: Sequence[str] = ()) -> list[bytes]:
    """Batches of independent problems, for full answers or for columns."""
    wanted = {"return": list(columns)} if columns else {}
    listed = list(problems(BATCHES * PROBLEMS, seed=400 + turn))
    starts = range(0, len(listed), PROBLEMS)
    return [_batch({"problems": listed[start : start + PROBLEMS], **wanted}) for start in starts]


def shared(turn: int) -> list[bytes]:
    """Batches of one problem at many decays."""
    scales = np.geomspace(0.01, 10.0, PROBLEMS).tolist()
    listed = problems(10 * BATCHES, seed=500 + turn)
    return [_batch({"problem": problem, "vary": {"decay_scale": scales}}) for problem in listed]


def _batch(document: dict[str, Any]) -> bytes:
    return request_of("/v1/minima/batch", orjson.dumps(document))


def sweep(turn: int) -> bytes:
    """One problem at 10^5 decays, as arrays, for arrays."""
    problem = next(problems(1, seed=600 + turn))
    document = orjson.dumps({"problem": problem, "vary": {}}).decode()
    stream = io.BytesIO()
    arrays: dict[str, Any] = {"request": np.array(document), "vary.decay_scale": np.geomspace(1e-3, 1e3, VALUES)}
    np.savez(stream, **arrays)
    request = request_of("/v1/minima/batch", stream.getvalue(), ARCHIVE)
    return request.replace(b"\r\n", f"\r\naccept: {ARCHIVE}\r\n".encode(), 1)


def _sweep_s(port: int, turn: int) -> float:
    """Seconds from arrays to arrays: writing the request, the service, reading the answer."""
    start = time.perf_counter()
    answer = load(port, [sweep(turn)], connections=1).answers[0]
    with np.load(io.BytesIO(answer)) as found:
        columns: dict[str, npt.NDArray[Any]] = dict(found)
    seconds = time.perf_counter() - start
    assert columns["loss"].shape == (VALUES,)
    assert np.all(np.diff(columns["loss"]) >= -1e-12)
    assert bool(columns["trivial"][-1])
    assert not columns["trivial"][0]
    return seconds
