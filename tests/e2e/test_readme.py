"""What the README shows is what the service answers."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from service.operations.minima import minima, parse
from service.settings import Limits
from tests.serving import call, serving

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def differences(shown: Any, found: Any, at: str = "") -> list[str]:
    """Where the abridged answer of the README is not part of the real one, to the digits shown."""
    if isinstance(shown, dict):
        return [line for key, value in shown.items() for line in differences(value, found[key], f"{at}.{key}")]
    if isinstance(shown, list):
        pairs = zip(shown, found, strict=True)
        return [line for index, pair in enumerate(pairs) for line in differences(*pair, f"{at}[{index}]")]
    if isinstance(shown, float):
        return [] if found == pytest.approx(shown, rel=5e-2 if shown < 1e-8 else 1e-7, abs=6e-9) else [at]
    return [] if shown == found else [at]


def test_the_answer_shown_is_the_answer() -> None:
    request = re.search(r"-d '\n(.*?)'\n```", README, re.DOTALL)
    shown = re.search(r"```json\n(.*?)```", README, re.DOTALL)
    assert request
    assert shown
    answer = minima(parse(json.loads(request[1])).request, Limits()).model_dump(mode="json", by_alias=True)
    assert differences(json.loads(shown[1]), answer) == []


def test_the_example_prints_what_is_shown() -> None:
    shown = re.search(r"\$ python docs/examples/choose_decay.py\n(.*?)```", README, re.DOTALL)
    assert shown
    with serving() as address:
        script = str(ROOT / "docs" / "examples" / "choose_decay.py")
        printed = subprocess.run(
            [sys.executable, script, address], capture_output=True, text=True, check=True, timeout=60
        )
    assert printed.stdout == shown[1]


def test_what_is_told_about_bounds_and_refusals_is_answered() -> None:
    text = (ROOT / "docs" / "exactness.md").read_text(encoding="utf-8")
    blocks = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL)]
    assert len(blocks) == 4
    with serving() as address:
        for request, shown in zip(blocks[::2], blocks[1::2], strict=True):
            found = call(address, "POST", "/v1/minima", request).json
            if "solvers" in shown:
                assert len(found["solvers"]) > len(shown["solvers"])
                found["solvers"] = found["solvers"][: len(shown["solvers"])]
            assert differences(shown, found) == []


def test_every_link_leads_somewhere() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
