"""Uploads: a file reduced to its factor against numpy and pyarrow on the same file, and the whole of it over HTTP."""

import http.client
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

from benchmarks.comparison import Comparison
from benchmarks.server import serving
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.factor import Factor
from service.operations.datasets import reduce_upload
from service.operations.uploads.formats import FORMAT_BY_NAME
from service.schemas.datasets import UploadOptions
from service.settings import UploadLimits

SAMPLES: Final = 1_000_000
TEXT_SAMPLES: Final = 50_000
COLUMNS: Final = 100
BLOCK: Final = 10_000
REPEATS: Final = 3
AT_THE_SPEED_OF_ONE_PASS: Final = 1.0
IN_MEMORY: Final = "numpy.load of the file and one matrix product, all in memory"


def compare() -> list[Comparison]:
    """Interleaved, the best of each; numbers are compared before times are."""
    with tempfile.TemporaryDirectory() as folder:
        binary, text = Path(folder) / "table.npy", Path(folder) / "table.csv"
        write_npy(binary, SAMPLES)
        _write_csv(text)
        with threadpool_limits(limits=1):
            rows = [_reduced(binary), _reduced_text(text)]
        return [*rows, *_uploaded(binary, folder)]


def write_npy(path: Path, samples: int) -> None:
    """A table of normal numbers, as many blocks as there are in so many samples."""
    rng = np.random.default_rng(5)
    header = {"descr": "<f8", "fortran_order": False, "shape": (samples, COLUMNS)}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for _ in range(samples // BLOCK):
            file.write(rng.normal(size=(BLOCK, COLUMNS)).tobytes())


def _write_csv(path: Path) -> None:
    rng = np.random.default_rng(6)
    with path.open("w") as file:
        for row in rng.normal(size=(TEXT_SAMPLES, COLUMNS)).tolist():
            file.write(",".join(map(repr, row)) + "\n")


def _factor(path: Path, form: str) -> Factor:
    with path.open("rb") as file:
        return reduce_upload(file, FORMAT_BY_NAME[form], UploadOptions(), UploadLimits()).factor


def _numpy(path: Path) -> FloatArray:
    table: FloatArray = np.load(path)
    product: FloatArray = table.T @ table
    return product


def _pyarrow(path: Path) -> FloatArray:
    from pyarrow import csv  # type: ignore[import-untyped]  # noqa: PLC0415 - an extra that ships no types

    found = csv.read_csv(path, csv.ReadOptions(use_threads=False, autogenerate_column_names=True))
    table = np.column_stack([found.column(name).to_numpy() for name in found.column_names])
    product: FloatArray = table.T @ table
    return product


def _reduced(path: Path) -> Comparison:
    ours, theirs = _timed(path, "npy", _numpy, SAMPLES)
    return _row(f"{SAMPLES:,} x {COLUMNS} in npy to its factor, in blocks", ours, IN_MEMORY, theirs, "s of a core")


def _reduced_text(path: Path) -> Comparison:
    ours, theirs = _timed(path, "csv", _pyarrow, TEXT_SAMPLES)
    work = f"{TEXT_SAMPLES:,} x {COLUMNS} in csv ({path.stat().st_size / 1e6:.0f} MB) to its factor, in blocks"
    reference = "pyarrow.csv on one thread and one matrix product, all in memory"
    return _row(work, ours, reference, theirs, "s of a core")


def _timed(path: Path, form: str, peer: Callable[[Path], FloatArray], samples: int) -> tuple[list[float], list[float]]:
    """Seconds of a core of the reduction and of the peer, in turn."""
    ours, theirs = [], []
    for _ in range(REPEATS):
        start = time.process_time()
        product = peer(path)
        between = time.process_time()
        found = _factor(path, form)
        ours.append(time.process_time() - between)
        theirs.append(between - start)
        _check(found, product, samples)
        del product
    return ours, theirs


def _row(work: str, ours: list[float], reference: str, theirs: list[float], unit: str) -> Comparison:
    return Comparison(
        work=work,
        measured=min(ours),
        reference=reference,
        measured_reference=min(theirs),
        unit=unit,
        bound=AT_THE_SPEED_OF_ONE_PASS,
        at_least=False,
    )


def _uploaded(path: Path, folder: str) -> list[Comparison]:
    """The whole upload by the clock, in three processes with the client, against one pass with and without a server."""
    changes = {"MINIMA_DATABASE_URL": f"sqlite:///{folder}/jobs.db", "MINIMA_WORKERS": "0"}
    ours, hashed, loaded = [], [], []
    with serving({**changes, "MINIMA_UPLOAD_FOLDER": folder}) as served, threadpool_limits(limits=1):
        # the process that reads is started by the first upload
        send_npy(served.port, path, f"/v1/datasets?targets={REPEATS}")
        for repeat in range(REPEATS):
            start = time.perf_counter()
            _numpy(path)
            loaded.append(time.perf_counter() - start)
            hashed.append(send_npy(served.port, path, "/hash")[0])
            # another target each time, so that it is another data set
            seconds, document = send_npy(served.port, path, f"/v1/datasets?targets={repeat}")
            assert document["samples"] == SAMPLES
            ours.append(seconds)
    work = f"{SAMPLES:,} x {COLUMNS} in npy uploaded over HTTP, by the clock"
    return [
        _row(work, ours, "the same body received by the same server and hashed", hashed, "s"),
        _row(work, ours, IN_MEMORY, loaded, "s"),
    ]


def send_npy(port: int, path: Path, url: str) -> tuple[float, dict[str, Any]]:
    """Seconds until the answer, and the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600, blocksize=1 << 20)
    headers = {"content-type": "application/x-npy", "content-length": str(path.stat().st_size)}
    start = time.perf_counter()
    with path.open("rb") as file:
        connection.request("POST", url, file, headers)
        answer = connection.getresponse()
        document = json.load(answer)
    seconds = time.perf_counter() - start
    connection.close()
    assert answer.status in (200, 201), document
    return seconds, document


def _check(found: Factor, product: FloatArray, samples: int) -> None:
    columns, mean = found.r * found.scale, np.concatenate((found.x_mean, found.y_mean))
    moments = columns.T @ columns / samples + np.outer(mean, mean)
    np.testing.assert_allclose(moments, product / samples, rtol=1e-9, atol=1e-12)
