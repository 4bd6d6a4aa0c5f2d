"""Memory of arrays that was freed is used again, not given back and asked for anew, array after array."""

import ctypes
from contextlib import suppress
from typing import Final

KEPT_BYTES: Final = 64 << 20
"""Free memory at the end of the heap that a process keeps."""
FROM_HEAP_BYTES: Final = 32 << 20
"""Arrays up to this size come from the heap; larger ones are asked of the system, and given back.  The C library's
own maximum."""
_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3


def reuse_memory() -> None:
    """Set the thresholds of glibc for this process; other C libraries keep their own ways.

    Notes
    -----
    By default every array above some 128 kB to 32 MB is new to the process, and each of its pages is cleared by the
    system at its first use: that took a quarter of the time of a sweep of 10^5 values.
    """
    with suppress(AttributeError, OSError):
        limit = ctypes.CDLL(None).mallopt
        limit(_TRIM_THRESHOLD, KEPT_BYTES)
        limit(_MMAP_THRESHOLD, FROM_HEAP_BYTES)
