"""Collections of garbage that hold nobody up: seldom whole, and never through what was loaded at the start."""

import gc
from typing import Final

COLLECTED_AFTER: Final = (2_000, 10, 100)
"""Objects that are made before the youngest are collected, and turns of each generation before the next: a collection
of all of them, which takes 10 ms under load, comes once in two million objects, not in seventy thousand."""


def leave_out_loaded() -> None:
    """Leave out of every later collection what is loaded by now, which takes 0.1 s to go through.

    A forked process shares the memory of what its parent loaded, until a collection writes into it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTED_AFTER)
