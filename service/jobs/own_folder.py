"""A folder for the temporary files of one process and its workers, which goes with the process however that ends."""

import contextlib
import fcntl
import os
import re
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

_PREFIX: Final = "minima-"
_LOCK: Final = "lock"
_NAME: Final = re.compile(rf"{_PREFIX}[a-z0-9_]{{8}}")
_OF_WORKERS: Final = "dask-scratch-space"
"""What the pool's library makes first, with every folder above it."""
_LONGEST: Final = 55
"""Bytes of the folder's parent: the sockets in it may have 107 in all."""


@dataclass(frozen=True, slots=True)
class OwnFolder:
    """A folder whose lock is held by a process as long as it lives; see `sweep`.

    Attributes
    ----------
    path : Path
    lock : int
        Descriptor to hand to the process that the folder is for, and to close here.
    """

    path: Path
    lock: int

    @classmethod
    def make(cls) -> Self | None:
        """Make a folder, or return None where that cannot be."""
        new = None
        try:
            # Under another name until it is locked, so that nobody takes it for one that was left behind.
            new = Path(tempfile.mkdtemp(prefix=f".{_PREFIX}", dir=_base()))
            lock = os.open(new / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
            fcntl.flock(lock, fcntl.LOCK_EX)
            return cls(new.rename(new.with_name(new.name[1:])), lock)
        except OSError:
            if new is not None:
                shutil.rmtree(new, ignore_errors=True)
            return None

    def remove(self) -> None:
        """Remove the folder of this process, which ends."""
        _remove(self.path)
        os.close(self.lock)

    def settle(self) -> None:
        """Let this process and its children use the folder from now on."""
        os.environ["TMPDIR"] = tempfile.tempdir = str(self.path)


def sweep() -> None:
    """Remove the folders whose processes have ended."""
    for folder in Path(_base()).glob(f"{_PREFIX}*"):
        if _is_left_behind(folder):
            _remove(folder)


def remove_own() -> None:
    """Remove the folder that this process was started with, if it was."""
    folder = Path(tempfile.gettempdir())
    if folder.name.startswith(_PREFIX) and (folder / _LOCK).exists():
        _remove(folder)


def _remove(folder: Path) -> None:
    """Remove a folder, the lock last: a worker that is just dying may write, and the next sweep must find the rest."""
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            elif path.name != _LOCK:
                path.unlink(missing_ok=True)
        if {path.name for path in folder.iterdir()} <= {_LOCK}:
            shutil.rmtree(folder)


def _is_left_behind(folder: Path) -> bool:
    if not _is_ours(folder):
        return False
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR)
    except FileNotFoundError:
        return _was_made_again(folder)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(lock)
    return True


def _is_ours(folder: Path) -> bool:
    """Whether it is a folder, and not a link to one, of the user that this process runs as."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()


def _was_made_again(folder: Path) -> bool:
    """Whether a worker that was just starting made the folder after it had been removed with its driver's lock.

    No folder of a process that lives is ever without its lock; of other people's folders none holds this alone.
    """
    try:
        names = [path.name for path in folder.iterdir()]
    except OSError:
        return False
    return _NAME.fullmatch(folder.name) is not None and names == [_OF_WORKERS]


def _base() -> str:
    usual = tempfile.gettempdir()
    return usual if len(os.fsencode(usual)) <= _LONGEST else "/tmp"  # noqa: S108 - names in it are made by `mkdtemp`
