"""Folders of temporary files go with their processes, and nothing else goes."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from service.jobs.own_folder import OwnFolder, sweep

WORKER = Path("dask-scratch-space", "worker-1")


@pytest.fixture(autouse=True)
def base(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where temporary files go, by a short path as folders of sockets need it."""
    with tempfile.TemporaryDirectory(prefix="own", dir="/tmp") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


def made(folder: Path) -> Path:
    (folder / WORKER).mkdir(parents=True)
    return folder


def test_a_folder_stays_with_its_process_and_goes_after_it() -> None:
    folder = OwnFolder.make()
    assert folder is not None
    made(folder.path)
    sweep()
    assert (folder.path / WORKER).exists()
    os.close(folder.lock)
    sweep()
    assert not folder.path.exists()


def test_what_a_dying_worker_makes_again_goes_too() -> None:
    folder = OwnFolder.make()
    assert folder is not None
    folder.remove()
    made(folder.path)
    sweep()
    assert not folder.path.exists()


def linked(base: Path) -> Path:
    made(base / "elsewhere")
    (base / "minima-0123abcd").symlink_to(base / "elsewhere")
    return base / "minima-0123abcd"


def mixed(base: Path) -> Path:
    (made(base / "minima-database") / "notes").touch()
    return base / "minima-database"


def empty(base: Path) -> Path:
    (base / "minima-database").mkdir()
    return base / "minima-database"


OTHERS: dict[str, Callable[[Path], Path]] = {
    "another name": lambda base: made(base / "minima-of-somebody"),
    "another file": mixed,
    "nothing in it": empty,
    "a link": linked,
}


@pytest.mark.parametrize("make", OTHERS.values(), ids=OTHERS)
def test_folders_of_others_stay(make: Callable[[Path], Path], base: Path) -> None:
    found = make(base)
    before = sorted(found.rglob("*"))
    sweep()
    assert found.exists()
    assert sorted(found.rglob("*")) == before
