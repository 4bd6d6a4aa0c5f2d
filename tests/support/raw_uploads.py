"""Raw data over HTTP: a csv file is uploaded, and the same problem asked about it by its id."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from service.settings import Settings
from tests.serving import call, serving
from tests.support.raw_data import Factored, Rows
from tests.support.raw_problems import RawProblem


@contextmanager
def server() -> Iterator[str]:
    """Address of a service that keeps its data sets for as long as the block lasts."""
    with TemporaryDirectory() as folder:
        database = f"sqlite:///{Path(folder) / 'jobs.db'}"
        with serving(Settings(database_url=database, workers=0, upload_folder=folder, log_level="error")) as base:
            yield base


def csv_of(rows: Rows) -> bytes:
    """Inputs, then targets, with digits that give every number back."""
    return "".join(",".join(map(repr, row)) + "\n" for row in np.hstack([rows.x, rows.y]).tolist()).encode()


def answered_from_csv(base: str, problem: RawProblem, **options: Any) -> dict[str, Any]:
    """Upload the samples of a problem with one output, and ask."""
    assert isinstance(problem.data, Rows)
    stored = call(base, "POST", "/v1/datasets", csv_of(problem.data), {"content-type": "text/csv"})
    assert stored.status in {200, 201}, stored.json
    body = problem.body(**options)
    body["problem"]["data"] = {"kind": "dataset", "id": stored.json["id"]}
    reply = call(base, "POST", "/v1/minima", body)
    if reply.status != 200:
        raise AssertionError(f"{problem.name}: {reply.status} {reply.json.get('detail')}")
    found: dict[str, Any] = reply.json
    return found


def kept(problem: RawProblem, answer: Mapping[str, Any]) -> RawProblem:
    """The problem about the factor that was kept of a file, as the answer repeats it."""
    return replace(problem, data=Factored.of_document(answer["problem"]["data"]))
