"""Nothing is written that nothing uses, but what is used in a way that no reading of the source shows."""

import re
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from vulture import Vulture  # type: ignore[import-untyped]  # ships no types
from vulture.core import Item  # type: ignore[import-untyped]

import service

ROOT = Path(service.__file__).parents[1]
FOLDERS = ("service", "tests", "evidence", "benchmarks", "docs/examples")
DECORATORS = [
    "@router.*",
    "@application.*",
    "@pytest.fixture*",
    "@schemathesis.*",
    "@field_validator",
    "@model_validator",
]
"""What these decorate is called by whoever owns the decorator."""
USED_UNSEEN: Final = {
    ("service/schemas/*", "variable", "*"): "a field on the wire: callers read it",
    ("tests/unit/schemas/*", "variable", "ge"): "a field on the wire, too",
    ("service/settings.py", "variable", "model_config"): "read by pydantic",
    ("service/core/several_outputs/noise/search.py", "variable", "xk"): "scipy looks for this name",
    ("service/jobs/store/migrations/versions/*", "variable", "*"): "read by alembic",
    ("service/jobs/store/database.py", "attribute", "isolation_level"): "read by sqlite3",
    ("service/jobs/engines/dask_ledger.py", "variable", "idempotent"): "read by distributed",
    ("service/jobs/engines/dask_ledger.py", "attribute", "allowed_failures"): "read by distributed",
    ("service/jobs/engines/dask_ledger.py", "method", "log_event"): "called by distributed",
    ("service/web/serving/processes.py", "attribute", "timeout_worker_healthcheck"): "read by uvicorn",
    ("service/web/serving/processes.py", "method", "handle_hup"): "called by uvicorn",
    ("service/web/serving/protocol.py", "method", "send_400_response"): "called by uvicorn",
    ("service/web/serving/protocol.py", "attribute", "keep_alive"): "read by uvicorn",
    ("service/cli/problems.py", "attribute", "overflow"): "read by rich",
    ("*", "attribute", "writeable"): "read by numpy",
    ("tests/*", "variable", "pytestmark"): "read by pytest",
    ("tests/unit/jobs/test_one_thread.py", "function", "most_threads"): "called by programs that the tests start",
}
"""File, kind and name of what is used unseen, and by whom."""


@cache
def unused() -> tuple[Item, ...]:
    """What vulture finds, at any confidence."""
    found = Vulture(ignore_decorators=DECORATORS)
    found.scavenge([str(ROOT / folder) for folder in FOLDERS])
    return tuple(found.get_unused_code())


@cache
def named() -> frozenset[str]:
    """Names that a table gives as text, ``"module:NAME"``."""
    texts = (source.read_text(encoding="utf-8") for source in (ROOT / "service").rglob("*.py"))
    return frozenset(name for text in texts for name in re.findall(r'"service(?:\.\w+)+:(\w+)"', text))


def reasons_of(item: Item) -> Iterator[tuple[str, str, str]]:
    path = Path(item.filename).relative_to(ROOT).as_posix()
    for row in USED_UNSEEN:
        if fnmatch(path, row[0]) and row[1] in ("*", item.typ) and fnmatch(item.name, row[2]):
            yield row


def test_everything_is_used() -> None:
    left = [item.get_report() for item in unused() if item.name not in named() and not any(reasons_of(item))]
    assert left == []


@pytest.mark.parametrize("row", USED_UNSEEN, ids=":".join)
def test_every_exception_is_needed(row: tuple[str, str, str]) -> None:
    assert any(row in reasons_of(item) for item in unused())
