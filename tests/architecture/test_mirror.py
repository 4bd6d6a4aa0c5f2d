"""Unit tests stand where the code that they try stands: `tests/unit` mirrors `service`, room by room."""

import ast
from pathlib import Path

import pytest

import service

ROOT = Path(service.__file__).parents[1]
UNIT = ROOT / "tests" / "unit"
ASKED = ("service.core.dispatch", "service.core.catalogue", "service.operations.questions")
"""Modules through which a room is tried by what it answers."""
TESTS = sorted(UNIT.rglob("test_*.py"))


def mirrored(test: Path) -> Path:
    """The folder of `service` that a test stands for."""
    return ROOT / "service" / test.parent.relative_to(UNIT)


def modules_of(test: Path) -> set[str]:
    """Modules of `service` that a test imports, each also with the names taken from it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(test.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name.startswith("service.")}


def is_of(room: str, imported: set[str]) -> bool:
    """Whether what a test imports is of a room, or asks for answers, or leaves the choice to `tests.support`."""
    if not imported or imported & set(ASKED):
        return True
    return any(name == room or name.startswith(f"{room}.") for name in imported)


@pytest.mark.parametrize("test", TESTS, ids=lambda path: path.relative_to(UNIT).as_posix())
def test_a_unit_test_stands_in_the_room_that_it_tries(test: Path) -> None:
    room = mirrored(test)
    assert list(room.glob("*.py")), f"service has no {room.relative_to(ROOT)}"
    assert is_of(".".join(room.relative_to(ROOT).parts), modules_of(test))


def test_a_test_of_another_room_is_told_apart(tmp_path: Path) -> None:
    test = tmp_path / "test_classes.py"
    test.write_text("from service.core.points.classes import classify\n", encoding="utf-8")
    assert is_of("service.core.points", modules_of(test))
    assert not is_of("service.core.landscapes", modules_of(test))
    assert not is_of("service.core.point", modules_of(test))


def test_nothing_but_tests_stands_among_the_tests() -> None:
    known = {*TESTS, *UNIT.rglob("__init__.py"), *UNIT.rglob("conftest.py")}
    assert [path.relative_to(ROOT).as_posix() for path in UNIT.rglob("*.py") if path not in known] == []
