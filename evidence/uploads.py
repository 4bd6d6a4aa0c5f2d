"""Uploads over HTTP: peak memory of the server and of the process that reads, and how long other requests wait."""

import http.client
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import psutil  # type: ignore[import-untyped]  # ships no annotations

from benchmarks.server import serving
from service.core.ground.numbers.arrays import FloatArray

COLUMNS: Final = 100
LARGE: Final = {"npy": 1_000_000, "npz": 1_000_000, "parquet": 1_000_000, "csv": 200_000}
"""Samples; writing text takes longer than reading it."""
BLOCK: Final = 12_500
SEED: Final = 11
GROWTH_BYTES: Final = 64 * 2**20
"""What four times as many samples may add to the peak: less than a tenth of what they hold."""
TYPES: Final = {
    "npy": "application/x-npy",
    "npz": "application/x-npz",
    "parquet": "application/vnd.apache.parquet",
    "csv": "text/csv",
}


@dataclass(frozen=True, slots=True)
class Upload:
    """What one upload took."""

    bytes: int
    seconds: float
    server: int
    reader: int
    waits: list[float]


def report() -> str:
    """Upload a file and one with a quarter of its samples in each format, and compare the factors."""
    rows = [_heading()]
    with tempfile.TemporaryDirectory() as folder:
        for form, write in FILES.items():
            sizes = (LARGE[form] // 4, LARGE[form])
            small, large = (_measured(Path(folder), form, write, samples) for samples in sizes)
            growth = large.reader + large.server - small.reader - small.server
            assert growth < GROWTH_BYTES, (form, growth)
            rows += [_row(form, sizes[0], small), _row(form, sizes[1], large)]
    return (
        f"Each file is sent by one connection to a server that has just started (seed {SEED}), normal numbers in "
        f"{COLUMNS} columns, csv with 17 digits.\nMemory is the peak of the resident set, from the kernel: of the "
        "server and of the process that reads, whose libraries alone take some 100 MB.\nWhile a file is "
        "received and read, a second connection asks `/livez` every 5 ms; the longest and the 99th percentile of its "
        "waits are shown.\n"
        "The second moments that the factor of every upload has were compared with those of the samples (1e-10).\n\n"
        + "\n".join(rows)
        + "\n"
    )


def _heading() -> str:
    names = "format | samples | file, MB | seconds | server, peak MB | reader, peak MB | longest wait, ms | 99 %, ms"
    return f"| {names} |\n|{'---|' * 8}"


def _row(form: str, samples: int, upload: Upload) -> str:
    waits = upload.waits
    late = statistics.quantiles(waits, n=100)[-1]
    return (
        f"| {form} | {samples:,} | {upload.bytes / 1e6:.0f} | {upload.seconds:.1f} | {upload.server / 1e6:.0f} | "
        f"{upload.reader / 1e6:.0f} | {1e3 * max(waits):.0f} | {1e3 * late:.1f} |"
    )


def blocks(samples: int) -> Iterator[FloatArray]:
    """The samples, a block at a time, the same for every format."""
    rng = np.random.default_rng(SEED)
    for _ in range(samples // BLOCK):
        yield rng.normal(size=(BLOCK, COLUMNS))


def write_npy(path: Path, samples: int) -> None:
    """One matrix by rows."""
    header = {"descr": "<f8", "fortran_order": False, "shape": (samples, COLUMNS)}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for block in blocks(samples):
            file.write(block.tobytes())


def write_npz(path: Path, samples: int) -> None:
    """An archive, not packed, with the last column as y."""
    table = np.concatenate(list(blocks(samples)))
    np.savez(path, x=table[:, :-1], y=table[:, -1])


def write_parquet(path: Path, samples: int) -> None:
    """Groups of a hundred thousand rows."""
    import pyarrow as pa  # type: ignore[import-untyped]  # noqa: PLC0415 - only this needs it, and it ships no types
    import pyarrow.parquet as pq  # type: ignore[import-untyped]  # noqa: PLC0415 - as above

    names = [f"c{column}" for column in range(COLUMNS)]
    table = pa.table(dict(zip(names, np.concatenate(list(blocks(samples))).T, strict=True)))
    pq.write_table(table, path, row_group_size=100_000)


def write_csv(path: Path, samples: int) -> None:
    """Digits that give every number back."""
    with path.open("w") as file:
        for block in blocks(samples):
            file.writelines(",".join(map(repr, row)) + "\n" for row in block.tolist())


FILES: Final[dict[str, Callable[[Path, int], None]]] = {
    "npy": write_npy,
    "npz": write_npz,
    "parquet": write_parquet,
    "csv": write_csv,
}


def _measured(folder: Path, form: str, write: Callable[[Path, int], None], samples: int) -> Upload:
    print(f"  {form}, {samples} samples ...", file=sys.stderr, flush=True)
    path = folder / f"table.{form}"
    write(path, samples)
    try:
        with _server(folder) as port:
            _send(port, form, b"1.0,2.0\n3.0,5.0\n" if form == "csv" else None)
            with _asking(port) as waits:
                started = time.perf_counter()
                identity = _send(port, form, path)
                seconds = time.perf_counter() - started
            server, reader = _peaks()
            _compare(port, identity, samples)
        return Upload(path.stat().st_size, seconds, server, reader, waits)
    finally:
        path.unlink()


@contextmanager
def _server(folder: Path) -> Iterator[int]:
    with tempfile.TemporaryDirectory(dir=folder) as data:
        changes = {"MINIMA_DATABASE_URL": f"sqlite:///{data}/jobs.db", "MINIMA_WORKERS": "0"}
        with serving({**changes, "MINIMA_UPLOAD_FOLDER": data}) as served:
            yield served.port


def _send(port: int, form: str, content: Path | bytes | None) -> str:
    if content is None:
        return ""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600, blocksize=1 << 20)
    headers = {"content-type": TYPES[form]}
    if isinstance(content, bytes):
        connection.request("POST", "/v1/datasets", content, headers)
    else:
        with content.open("rb") as file:
            headers["content-length"] = str(content.stat().st_size)
            connection.request("POST", "/v1/datasets", file, headers)
    answer = connection.getresponse()
    document = json.load(answer)
    assert answer.status == 201, document
    return str(document["id"])


@contextmanager
def _asking(port: int) -> Iterator[list[float]]:
    """Seconds that each of many small requests waited, for as long as the block lasts."""
    ended, waits = threading.Event(), list[float]()

    def ask() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while not ended.wait(0.005):
            started = time.perf_counter()
            connection.request("GET", "/livez")
            connection.getresponse().read()
            waits.append(time.perf_counter() - started)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield waits
    finally:
        ended.set()
        thread.join()


def _peaks() -> tuple[int, int]:
    """Peak resident bytes of the server below this process, and of the largest process below that."""
    (server,) = [child for child in psutil.Process(os.getpid()).children() if "benchmarks.server" in child.cmdline()]
    return _peak(server.pid), max((_peak(child.pid) for child in server.children(recursive=True)), default=0)


def _peak(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def _compare(port: int, identity: str, samples: int) -> None:
    """The factor that a problem with these data gives back, against the sums of products of the samples."""
    expected = sum(block.T @ block for block in blocks(samples)) / samples
    problem = {
        "network": {"layers": [{"width": 1, "weight_decay": 0.1}]},
        "data": {"kind": "dataset", "id": identity},
    }
    body = json.dumps({"problem": problem, "return": {"problem": True}})
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", "/v1/minima", body, {"content-type": "application/json"})
    data = json.load(connection.getresponse())["problem"]["data"]
    columns, mean = np.array(data["r"]) * data["scale"], np.array([*data["x_mean"], *data["y_mean"]])
    np.testing.assert_allclose(columns.T @ columns / samples + np.outer(mean, mean), expected, rtol=1e-10, atol=1e-13)
    assert data["n"] == samples
