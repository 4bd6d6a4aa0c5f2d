"""One thread of linear algebra a process: requests and chunks share the cores, and sums keep their order."""

import logging
import os
from typing import Final

from threadpoolctl import threadpool_info, threadpool_limits  # type: ignore[import-untyped]  # ships no types

_log: Final = logging.getLogger(__name__)
_VARIABLES: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def ask_for_one_thread() -> None:
    """Ask the libraries that this process and its children load from now on."""
    os.environ.update(dict.fromkeys(_VARIABLES, "1"))


def hold_one_thread(process: str) -> bool:
    """Limit the libraries that are loaded, and tell whether they obey; call it after the imports.

    Parameters
    ----------
    process : str
        Which process this is, for the log.
    """
    ask_for_one_thread()
    threadpool_limits(limits=1)
    wide = {pool["internal_api"]: pool["num_threads"] for pool in threadpool_info() if pool["num_threads"] > 1}
    for library, threads in wide.items():
        _log.warning("%s of the %s uses %d threads instead of one: it will be slow", library, process, threads)
    return not wide
