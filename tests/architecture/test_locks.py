"""The lock files belong to this `pyproject.toml`, agree with each other and name no machine."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = {
    "runtime": ("build",),
    "image": ("build", "cluster", "parquet", "plots", "xlsx", "zstd"),
    "dev": ("build", "cluster", "parquet", "plots", "xlsx", "zstd", "dev"),
}
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def text_of(lock: str) -> str:
    return (ROOT / "requirements" / f"{lock}.lock").read_text(encoding="utf-8")


def versions_of(lock: str) -> dict[str, str]:
    return {canonicalize_name(name): version for name, version in re.findall(r"^(\S+)==(\S+)", text_of(lock), re.M)}


def declared_for(lock: str) -> list[Requirement]:
    optional = PROJECT["project"]["optional-dependencies"] | PROJECT["dependency-groups"]
    lines = [*PROJECT["project"]["dependencies"], *(line for name in LOCKS[lock] for line in optional[name])]
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize("lock", LOCKS)
def test_everything_declared_is_locked(lock: str) -> None:
    locked = versions_of(lock)
    outside = [
        str(requirement)
        for requirement in declared_for(lock)
        if not requirement.specifier.contains(locked.get(canonicalize_name(requirement.name), "0"))
    ]
    assert outside == [], "run `make lock`"


@pytest.mark.parametrize(("smaller", "larger"), [("runtime", "image"), ("image", "dev")])
def test_what_is_tested_is_what_runs(smaller: str, larger: str) -> None:
    assert versions_of(smaller).items() <= versions_of(larger).items()


@pytest.mark.parametrize("lock", LOCKS)
def test_every_library_has_hashes_and_no_address(lock: str) -> None:
    text = text_of(lock)
    entries = re.split(r"^(?=\S+==)", text, flags=re.M)[1:]
    assert [entry.partition("==")[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert re.search(r"://|^--?[a-z]|@ ", text, re.M) is None
