"""Every file, folder and module that documents and docstrings name is there."""

import re
from pathlib import Path

import pytest

import service

ROOT = Path(service.__file__).parents[1]
PLACE = re.compile(r"`((?:service|tests|docs|evidence|benchmarks|clients|openapi|deploy)/[\w./-]*\w/?)`")
MODULE = re.compile(r"`(service(?:\.\w+)+)`")
TEST = re.compile(r"`(test_\w+\.py)(?:::\w+)?`")
TESTS = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
SOURCES = sorted(source for folder in ("service", "evidence", "benchmarks") for source in (ROOT / folder).rglob("*.py"))
TO_BE_WRITTEN = "NAME"
"""Stands for a name of the reader's own."""


def missing(text: str) -> list[str]:
    """Places, tests and modules that a text names in code marks and that are not there."""
    places = [place for place in PLACE.findall(text) if TO_BE_WRITTEN not in place and not (ROOT / place).exists()]
    tests = [name for name in TEST.findall(text) if name not in TESTS]
    return places + tests + [module for module in MODULE.findall(text) if not stands(module)]


def stands(module: str) -> bool:
    """Whether a dotted name is a module, or a name in one."""
    parts = module.split(".")
    for end in (len(parts), len(parts) - 1, len(parts) - 2):
        place = ROOT.joinpath(*parts[:end])
        source = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
        if source.exists():
            rest = parts[end:]
            return not rest or re.search(rf"\b{rest[0]}\b", source.read_text(encoding="utf-8")) is not None
    return False


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_documents_name_what_is_there(document: Path) -> None:
    assert missing(document.read_text(encoding="utf-8")) == []


def test_sources_name_what_is_there() -> None:
    found = {source.relative_to(ROOT).as_posix(): missing(source.read_text(encoding="utf-8")) for source in SOURCES}
    assert {source: names for source, names in found.items() if names} == {}
