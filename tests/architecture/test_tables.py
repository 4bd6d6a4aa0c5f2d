"""What grows by one file and one row: every file of such a folder is reached from its table, by name."""

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

import service
from service.core.catalogue import SOLVERS
from service.core.ground.roles import Solver

ROOT = Path(service.__file__).parent
TABLES = {
    "core/solvers": ("core/catalogue.py",),
    "core/certificates": ("core/catalogue.py",),
    "core/theorems": ("core/catalogue.py",),
    "core/ranks/rules": ("core/catalogue.py",),
    "operations": ("operations/table.py",),
    "operations/plans": ("operations/table.py",),
    "operations/drawing": ("operations/table.py",),
    "operations/uploads": ("operations/uploads/formats.py",),
}
READERS = {
    "operations": ("operations/asking.py", "operations/checks.py"),
    "operations/drawing": ("operations/drawing/rendering.py",),
    "operations/uploads": ("operations/uploads/in_memory.py",),
}
"""What stands in such a folder and is no row: it reads the table, or a file, for the floors above."""
PLACE = re.compile(r"service(?:\.\w+)+:\w+")
SCANS = {"pkgutil", "importlib", "importlib.metadata", "glob", "os", "pathlib", "inspect"}


def imports_of(path: Path) -> set[str]:
    """Names that a file imports, each also with the names taken from it; and modules of the places that it names."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and PLACE.fullmatch(node.value):
            found.add(node.value.partition(":")[0])
    return found


def tables_of(folder: str) -> list[Path]:
    return [ROOT / table for table in TABLES[folder] if (ROOT / table).exists()]


@pytest.mark.parametrize("folder", TABLES)
def test_every_file_is_reached_from_the_table(folder: str) -> None:
    own = {f"service.{folder.replace('/', '.')}.{path.stem}": path for path in (ROOT / folder).glob("[!_]*.py")}
    tables = [*tables_of(folder), *(ROOT / reader for reader in READERS.get(folder, ()))]
    reached: set[str] = set()
    waiting = {name for table in tables for name in imports_of(table)} | {
        name for name, path in own.items() if path in tables
    }
    while waiting:
        name = waiting.pop()
        if name in own and name not in reached:
            reached.add(name)
            waiting |= imports_of(own[name])
    assert own, f"{folder} is empty"
    assert set(own) == reached


@pytest.mark.parametrize("solver", [row[0] for row in SOLVERS], ids=lambda solver: solver.name)
def test_the_page_that_a_solver_cites_is_there(solver: Solver) -> None:
    text = import_module(solver.solve.__module__).__doc__ or ""
    pages = re.findall(r"docs/theory/[\w-]+\.md", text)
    assert pages
    assert [page for page in pages if not (ROOT.parent / page).exists()] == []


def test_solver_and_certifier_bear_one_name() -> None:
    for solver, certifier in SOLVERS:
        assert solver.solve.__module__ == f"service.core.solvers.{solver.name}"
        assert certifier.__module__ == f"service.core.certificates.{solver.name}"


@pytest.mark.parametrize("table", sorted({table for tables in TABLES.values() for table in tables}))
def test_tables_are_literals_not_scans(table: str) -> None:
    path = ROOT / table
    assert path.exists()
    assert imports_of(path).isdisjoint(SCANS)
