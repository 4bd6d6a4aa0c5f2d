"""The core stays readable: rooms that one can look over, modules of one idea, functions that fit a screen."""

import ast
from pathlib import Path

import service

CORE = Path(service.__file__).parent / "core"
MODULES_IN_A_ROOM = 20
LINES_OF_A_MODULE = 300
LINES_OF_A_FUNCTION = 60
"""Its docstring aside."""
ROWS = ("solvers", "certificates", "theorems", "ranks/rules")
"""Folders that grow by one file and one row."""
ROOMS = sorted(path for path in (CORE, *CORE.rglob("*")) if path.is_dir() and any(path.glob("*.py")))
FILES = sorted(CORE.rglob("*.py"))


def lengths_of(source: str) -> dict[str, int]:
    """Lines of each function, without its docstring."""
    found: dict[str, int] = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef) and node.end_lineno is not None:
            first = node.body[0]
            last = first.end_lineno if ast.get_docstring(node) is not None else None
            documented = 0 if last is None else last - first.lineno + 1
            found[node.name] = max(found.get(node.name, 0), node.end_lineno - node.lineno + 1 - documented)
    return found


def test_rooms_can_be_looked_over() -> None:
    sizes = {room.relative_to(CORE).as_posix(): len(list(room.glob("[!_]*.py"))) for room in ROOMS}
    assert {room: size for room, size in sizes.items() if size > MODULES_IN_A_ROOM and room not in ROWS} == {}


def test_modules_have_one_idea_and_functions_fit_a_screen() -> None:
    sources = {file.relative_to(CORE).as_posix(): file.read_text(encoding="utf-8") for file in FILES}
    assert {
        name: source.count("\n") for name, source in sources.items() if source.count("\n") > LINES_OF_A_MODULE
    } == {}
    long = {
        f"{name}: {function}": lines
        for name, source in sources.items()
        for function, lines in lengths_of(source).items()
        if lines > LINES_OF_A_FUNCTION
    }
    assert long == {}


def test_lines_are_counted_without_the_docstring() -> None:
    source = 'def f() -> int:\n    """One.\n\n    Two.\n    """\n    return 1\n\n\ndef g() -> int:\n    return 1\n'
    assert lengths_of(source) == {"f": 2, "g": 2}
