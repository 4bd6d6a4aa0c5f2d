"""Every operation that a body asks for gives the same JSON by its function, over HTTP, as a job and as a command."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from service.cli.application import application
from service.cli.asking import answered
from service.operations.answered import SweepTable
from service.operations.asking import ask
from service.operations.loaded import examples_of
from service.operations.rows import Operation
from service.operations.table import OPERATIONS
from service.settings import Limits
from tests.serving import call

POSTED = [row for row in OPERATIONS if row.is_posted]
WAIT = {"Prefer": "respond-async, wait=60"}
CHANGED: dict[str, dict[str, Any]] = {
    # what `minima solve` asks for by itself, so that its answer can be verified
    "minima": {"return": {"weights": "factors", "problem": True, "map": False}},
    "races": {"runs": 2, "steps": 20},
    "connectivity": {"training_steps": 10, "rounds": 1, "round_steps": 3, "points": 11},
    "gradient_flows": {"until": {"log_loss": -20.0}},
    "slices": {"training_steps": 10, "points": 11},
    "spectra": {"training_steps": 10},
}
"""Of the examples: small enough for four times."""


def by_function(row: Operation, body: Any) -> Any:
    question = ask(row.name, body, Limits())
    return json.loads(answered(question, Limits()))


def example_of(row: Operation) -> Any:
    """The first that is answered with a model; columns are compared in test_batches.py."""
    for example in examples_of(row).values():
        body = {**example, **CHANGED.get(row.name, {})}
        question = ask(row.name, body, Limits())
        if question.loaded.function is None or not isinstance(question.answer(Limits()), SweepTable):
            return body
    raise LookupError(row.name)


@pytest.mark.parametrize("row", POSTED, ids=lambda row: row.name)
def test_an_answer_is_the_same_by_function_http_job_and_command(
    row: Operation,
    bases: Sequence[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    assert row.route is not None
    body, base = example_of(row), bases[1]
    expected = by_function(row, body)
    direct = call(base, *row.route, body)
    assert direct.status == 200, direct.content
    assert {name: value for name, value in direct.json.items() if name != "execution"} == expected
    if row.job:
        job = call(base, *row.route, body, WAIT)
        assert job.headers["location"].startswith("/v1/jobs/")
        assert (job.status, job.json) == (200, expected)
    if row.command is not None:
        (tmp_path / "body.json").write_text(json.dumps(body))
        monkeypatch.setattr(sys, "argv", ["minima", row.command.name, str(tmp_path / "body.json")])
        capfdbinary.readouterr()
        with pytest.raises(SystemExit) as left:
            application.main()
        assert not left.value.code
        assert json.loads(capfdbinary.readouterr().out) == expected
