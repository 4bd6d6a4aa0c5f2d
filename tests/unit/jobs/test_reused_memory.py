"""Arrays that were freed leave their memory to the next ones, in a process that asked for it."""

import ctypes
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
import numpy as np
from service.jobs.reused_memory import reuse_memory
if sys.argv[1] == "reused":
    reuse_memory()
def work():
    for _ in range(20):
        kept = [np.zeros(100_000) + 1.0 for _ in range(8)]
work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(kind: str) -> int:
    """Pages that a second round of arrays asks the system for."""
    done = subprocess.run([sys.executable, "-c", FAULTS, kind], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="the C library of this system is not glibc")
def test_memory_of_freed_arrays_is_used_again() -> None:
    assert faults("reused") * 20 < faults("as it is")
