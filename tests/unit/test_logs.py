"""One format for all that is said, whoever says it."""

import json
import logging

import pytest

from service import logs


@pytest.mark.parametrize("line", ["WARNING distributed: slow\n", "Traceback (most recent call last):\n", "{not JSON}"])
def test_what_others_write_is_passed_on_in_the_format(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    for form, is_json in (("json", True), ("console", False)):
        logs.configure("info", form)
        logs.relay(line, form)
        said = capsys.readouterr().err.strip()
        if is_json:
            assert json.loads(said)["event"] == line.strip()
        else:
            assert said == line.strip()


def test_a_line_in_the_format_is_passed_on_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "json")
    logs.relay('{"event":"x","level":"info"}\n', "json")
    logs.relay("\n", "json")
    assert capsys.readouterr().err == '{"event":"x","level":"info"}\n'


def test_what_libraries_log_has_the_format(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "json")
    logging.getLogger("somebody").error("it failed", exc_info=ValueError("a reason"))
    (line,) = capsys.readouterr().err.splitlines()
    event = json.loads(line)
    assert (event["event"], event["level"]) == ("it failed", "error")
    assert "a reason" in event["exception"]


def test_an_announcement_is_made_at_every_level(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("error", "json")
    logs.announce("serving on http://localhost:1", "json")
    logs.announce("serving on http://localhost:1", "console")
    first, second = capsys.readouterr().err.splitlines()
    assert json.loads(first)["event"] == second == "serving on http://localhost:1"
