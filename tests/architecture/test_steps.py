"""The steps that `evidence adding` takes in a copy fit the code of today: each finds the place that it changes."""

import shutil
from pathlib import Path

import pytest

from tests.support.steps import ADDITIONS, ROOT, Addition


@pytest.mark.parametrize("addition", ADDITIONS, ids=lambda addition: addition.kind)
def test_every_step_finds_its_place(addition: Addition, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "service", tmp_path / "service", ignore=shutil.ignore_patterns("__pycache__", "static"))
    (tmp_path / "docs" / "theory").mkdir(parents=True)
    shutil.copy(ROOT / "README.md", tmp_path)
    edits = {name: step for name, step in addition.steps.items() if not name.startswith("`make ")}
    assert len(edits) > 1
    for name, step in edits.items():
        before = contents(tmp_path)
        step(tmp_path)
        assert contents(tmp_path) != before, name


def contents(place: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
