"""What the package imports is declared; what is declared for everyone is used."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import service

ROOT = Path(service.__file__).parent
PROJECT = tomllib.loads((ROOT.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PARTS_OF = {"starlette": "fastapi", "pydantic-core": "pydantic", "dask": "distributed", "tornado": "distributed"}
LOADED_BY_NAME = {"uvloop", "httptools", "python-multipart"}
LATER_PYTHONS = {"compression"}
FOR_JOBS = set() if (ROOT / "jobs" / "__init__.py").exists() else {"alembic", "distributed", "sqlalchemy"}


def imported() -> set[str]:
    names: set[str] = set()
    for source in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names.update(alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.partition(".")[0])
    providers = packages_distributions()
    foreign = names - set(sys.stdlib_module_names) - LATER_PYTHONS - {"service"}
    found = {canonicalize_name(distribution) for name in foreign for distribution in providers[name]}
    return {PARTS_OF.get(name, name) for name in found}


def declared(lines: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(re.sub(r"\[.*\]", "", line)).name) for line in lines}


def test_every_import_is_declared() -> None:
    optional = PROJECT["optional-dependencies"]
    extras = [line for name in ("cluster", "models", "parquet", "plots", "xlsx", "zstd") for line in optional[name]]
    everything = [*PROJECT["dependencies"], *extras]
    assert imported() <= declared(everything)


def test_every_dependency_is_used() -> None:
    assert declared(PROJECT["dependencies"]) - LOADED_BY_NAME - FOR_JOBS <= imported()


def test_hints_name_the_distribution_and_its_extras() -> None:
    texts = [source.read_text(encoding="utf-8") for source in ROOT.rglob("*.py")]
    hints = {hint for text in texts for hint in re.findall(r"(analytic-minima[a-z-]*)\[([^\]]+)\]", text)}
    assert len(hints) >= 2
    assert {name for name, _ in hints} == {PROJECT["name"]}
    assert {extra for _, extra in hints} - {"{extra}"} <= set(PROJECT["optional-dependencies"])
