"""Requests of a valid shape whose numbers are nasty: an answer or a refusal, finite and in time, on every route."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.settings import Settings
from tests.serving import call, serving
from tests.support.nasty_numbers import POSTED, case_of, complaint
from tests.support.openapi import operations

EACH = 8
"""Cases of one operation; `python -m evidence nasty_numbers` tries many more."""
FOUND = (162, 305, 382, 390, 1451, 5037, 5835, 100642, 101257, 101357, 101710, 102052)
"""Seeds that were server errors once."""
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def bounded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    url = f"sqlite:///{Path(tmp_path_factory.mktemp('nasty'))}/jobs.db"
    with serving(Settings(database_url=url, workers=0, log_level="error", max_seconds=2.0)) as base:
        yield base


def test_every_route_that_takes_numbers_as_json_is_tried() -> None:
    asked = {name for name, (method, _, _) in operations().items() if method == "POST"}
    assert asked - set(POSTED) == {"upload_dataset"}


@pytest.mark.parametrize("seed", [*range(EACH * len(POSTED)), *FOUND])
def test_nasty_numbers_are_answered_or_refused(bounded: str, seed: int) -> None:
    case = case_of(seed)
    reply = call(bounded, "POST", case.path, case.body)
    said = complaint(reply.status, reply.content, reply.seconds, PATIENCE_S)
    assert said is None, (case.operation, case.changes, said)
