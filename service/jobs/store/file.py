"""The file of a SQLite store: readable by its owner alone, with a reserve of disk space for removals on a full disk."""

import contextlib
import os
import shutil
from pathlib import Path
from typing import Final

from service.errors import EngineError

RESERVE_BYTES: Final = 8 * 2**20
"""More than the write-ahead log may hold for the file when the disk is full."""
_LEAST_FREE_BYTES: Final = 2**20


def prepare_file(file: Path) -> None:
    """Make the file and its folder where they are missing, readable by nobody else.

    Raises
    ------
    EngineError
        If they cannot be made or written.
    """
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise EngineError(
            f"the job store {file} cannot be written ({error.strerror});"
            " MINIMA_DATABASE_URL=sqlite:///PATH names another place"
        ) from error
    # The files beside it take its permissions; those of an older version may be there already.
    for part in (file, *(file.with_name(file.name + end) for end in ("-wal", "-shm"))):
        with contextlib.suppress(OSError):
            part.chmod(0o600)
    keep_reserve(file)


def keep_reserve(file: Path) -> None:
    """Reserve some disk space beside the store, so that a removal can still be recorded on a full disk."""
    reserve = _reserve(file)
    with contextlib.suppress(OSError):
        if reserve.exists() or shutil.disk_usage(file.parent).free < 2 * RESERVE_BYTES:
            return
        handle = os.open(reserve, os.O_CREAT | os.O_WRONLY, 0o600)
        # Absent on some systems, where zeros have to do.
        allocate = getattr(os, "posix_fallocate", None)
        try:
            allocate(handle, 0, RESERVE_BYTES) if allocate else os.write(handle, bytes(RESERVE_BYTES))
        finally:
            os.close(handle)


def release_reserve(file: Path) -> bool:
    """Give the reserve up, and tell whether there was one."""
    try:
        _reserve(file).unlink()
    except OSError:
        return False
    return True


def is_full(file: Path) -> bool:
    """Whether the disk has no room for another job."""
    try:
        return shutil.disk_usage(file.parent).free < _LEAST_FREE_BYTES
    except OSError:
        return False


def _reserve(file: Path) -> Path:
    return file.with_name(file.name + "-reserve")
