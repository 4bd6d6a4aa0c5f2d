"""``python3 prune.py FOLDER``: take out of installed libraries what nobody runs, then compile what is left, once.

Tests of libraries, sources and headers for compilers, and the parts of Arrow that speak to other servers.
"""

import compileall
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

FOLDERS: Final = ("tests", "test", "__pycache__")
ENDINGS: Final = (".pyx", ".pxd", ".pxi", ".h", ".hpp", ".a", ".pyi")
PARTS: Final = ("pyarrow/include", "pyarrow/src", "numpy/_core/include", "matplotlib/mpl-data/sample_data")
NAMES: Final = (
    "pyarrow/libarrow_flight*", "pyarrow/_flight.*",
    "pyarrow/libarrow_s3*", "pyarrow/_s3fs.*", "pyarrow/_pyarrow_cpp_tests.*",
)  # fmt: skip


def superfluous(folder: Path) -> Iterator[Path]:
    """What can go; a folder before what stands in it."""
    for part in PARTS:
        yield folder / part
    for pattern in NAMES:
        yield from folder.glob(pattern)
    for path in folder.rglob("*"):
        if path.name in FOLDERS if path.is_dir() else path.suffix in ENDINGS:
            yield path


def prune(folder: Path) -> None:
    """Remove it."""
    for path in list(superfluous(folder)):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def main() -> None:
    """Prune the folder named on the command line."""
    folder = Path(sys.argv[1])
    prune(folder)
    if not compileall.compile_dir(folder, quiet=2):
        # some libraries ship templates that are no Python
        sys.stderr.write("some files could not be compiled\n")


if __name__ == "__main__":
    main()
