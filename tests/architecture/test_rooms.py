"""The table of the core's rooms in `docs/architecture.md` says what the imports of the code say."""

import ast
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

import service

CORE = Path(service.__file__).parent / "core"
ROOT = CORE.parents[1]
NESTED = ("ground", "several_outputs")
"""The rooms whose folders are rooms of their own."""
ROW = re.compile(r"^\| (\d+) \| `([a-z_/.]+)` \| [^|]+ \| ([^|]+) \|$", re.MULTILINE)


def room_of(module: str) -> str | None:
    """The room of a module of the core, as the table writes it."""
    parts = module.split(".")[2:]
    if not parts:
        return None
    if parts[0] in NESTED and len(parts) > 1 and (CORE / parts[0] / parts[1]).is_dir():
        return f"{parts[0]}/{parts[1]}/"
    return f"{parts[0]}/" if (CORE / parts[0]).is_dir() else f"{parts[0]}.py"


def imports_of(source: Path) -> set[str]:
    """Modules of the core that a file imports, each also with the names taken from it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name.startswith("service.core.")}


def measured() -> dict[str, set[str]]:
    """Which rooms each room imports."""
    rooms: dict[str, set[str]] = {}
    for source in CORE.rglob("*.py"):
        module = ".".join(source.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        own = room_of(module)
        if own is None:
            continue
        others = {room_of(name) for name in imports_of(source)} - {own, None}
        rooms.setdefault(own, set()).update(room for room in others if room)
    return rooms


def written() -> dict[str, tuple[int, set[str]]]:
    """Floor and imports of each room by the table."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    return {room: (int(floor), set(re.findall(r"`([^`]+)`", cell))) for floor, room, cell in ROW.findall(text)}


def test_the_table_holds_every_room_with_its_imports() -> None:
    assert {room: imports for room, (_, imports) in written().items()} == measured()


def test_every_room_imports_lower_floors_only() -> None:
    floors = {room: floor for room, (floor, _) in written().items()}
    upward = [(room, other) for room, others in measured().items() for other in others if floors[other] >= floors[room]]
    assert upward == []


def layers_of(container: str) -> list[set[str]]:
    """The floors of a folder as the linter holds them, the highest first."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    layers = next(each["layers"] for each in contracts if each.get("containers") == [container])
    return [set(layer.split(" | ")) for layer in layers]


def by_floor(rooms: Mapping[str, int]) -> list[set[str]]:
    """Rooms of one floor together, the highest floor first."""
    floors: dict[int, set[str]] = {}
    for room, floor in rooms.items():
        floors.setdefault(floor, set()).add(room)
    return [floors[floor] for floor in sorted(floors, reverse=True)]


def test_the_floors_are_those_that_the_linter_holds() -> None:
    rooms = {room.rstrip("/"): floor for room, (floor, _) in written().items()}
    whole = {room.removesuffix(".py"): floor for room, floor in rooms.items() if "/" not in room}
    assert by_floor(whole) == layers_of("service.core")


@pytest.mark.parametrize("folder", NESTED)
def test_the_floors_within_a_room_are_those_that_the_linter_holds(folder: str) -> None:
    rooms = {room.rstrip("/"): floor for room, (floor, _) in written().items()}
    inner = {room.partition("/")[2]: floor for room, floor in rooms.items() if room.startswith(f"{folder}/")}
    held = [layer & set(inner) for layer in layers_of(f"service.core.{folder}")]
    assert by_floor(inner) == [layer for layer in held if layer]


def test_no_import_is_excused() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    assert [each["name"] for each in contracts if "ignore_imports" in each] == []
