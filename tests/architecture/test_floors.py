"""The folders are floors: what each may import, checked on the source and on a running interpreter."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import service

ROOT = Path(service.__file__).parent
CORE_MAY_IMPORT = ("numpy", "scipy", "service.core", "service.errors", "service.vocabulary")
FOREIGN_TO_CORE = ("pydantic", "fastapi", "starlette", "orjson", "sqlalchemy", "distributed", "dask")
FLOORS = {
    "__init__.py", "cli", "core", "data", "errors.py", "jobs", "logs.py", "operations", "py.typed", "schemas",
    "settings.py", "version.py", "vocabulary.py", "web",
}  # fmt: skip


def imported_modules(source: Path) -> set[str]:
    """Every module that a file imports, at whatever depth of its code."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.add("." * node.level + (node.module or ""))
    return found


def stands_under(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(package + ".") for package in packages)


CORE_FILES = sorted((ROOT / "core").rglob("*.py"))


@pytest.mark.parametrize("source", CORE_FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_core_imports_numpy_scipy_and_words_only(source: Path) -> None:
    strangers = {
        module
        for module in imported_modules(source)
        if module.partition(".")[0] not in sys.stdlib_module_names and not stands_under(module, CORE_MAY_IMPORT)
    }
    assert not strangers


@pytest.mark.parametrize("source", CORE_FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_core_reads_no_clock_and_no_environment(source: Path) -> None:
    assert imported_modules(source).isdisjoint({"os", "time", "datetime", "logging", "random", "threading"})


def test_a_running_core_has_loaded_nothing_foreign() -> None:
    modules = [
        ".".join(("service", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")
        for path in CORE_FILES
    ]
    script = "import importlib, sys\n" + "".join(f"importlib.import_module({name!r})\n" for name in modules)
    script += f"print(sorted(set({FOREIGN_TO_CORE!r}) & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("service.core", ("pydantic", "fastapi")),
        ("service.core.dispatch", ("pydantic", "fastapi")),
        ("service.cli", ("numpy", "pydantic", "fastapi", "sqlalchemy", "distributed")),
        ("service.cli.solve", ("fastapi", "starlette", "sqlalchemy", "distributed")),
        ("service.web.app", ("dask", "distributed", "alembic", "matplotlib", "pyarrow")),
    ],
)
def test_nothing_waits_for_libraries_that_it_does_not_need(module: str, absent: tuple[str, ...]) -> None:
    script = f"import sys, {module}\nprint(sorted(set({absent!r}) & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_no_stray_file_or_folder() -> None:
    present = {path.name for path in ROOT.iterdir() if path.name != "__pycache__"}
    assert present <= FLOORS


def test_every_folder_with_modules_is_a_package() -> None:
    folders = {source.parent for source in ROOT.rglob("*.py")}
    assert [folder.as_posix() for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


LOADS = ("benchmarks.server", "benchmarks.load", "benchmarks.open_loop", "benchmarks.overload", "benchmarks.problems")
"""What measurements and reports do to a server alike."""


@pytest.mark.parametrize(
    ("folder", "allowed"),
    [
        ("tests/support", ("tests.support", "tests.serving")),
        ("tests/unit", ("tests.support", "tests.unit", "tests.serving")),
        ("tests/property", ("tests.support", "tests.property")),
        ("tests/reference", ("tests.support", "tests.reference")),
        ("tests/contract", ("tests.support", "tests.contract", "tests.serving")),
        ("tests/e2e", ("tests.support", "tests.serving")),
        ("tests/architecture", ("tests.support",)),
        ("evidence", ("tests.support", "tests.serving", "evidence", *LOADS)),
        ("benchmarks", ("tests.support", "evidence", "benchmarks")),
    ],
)
def test_what_tests_and_reports_share_stands_in_the_support(folder: str, allowed: tuple[str, ...]) -> None:
    own = ("tests", "evidence", "benchmarks")
    wrong = {
        f"{source.relative_to(ROOT.parent)} imports {module}"
        for source in (ROOT.parent / folder).rglob("*.py")
        for module in imported_modules(source)
        if stands_under(module, own) and not stands_under(module, allowed)
    }
    assert wrong == set()
