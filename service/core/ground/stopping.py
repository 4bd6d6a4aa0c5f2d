"""When a search ends with what it has: decided by who asks, since the core reads no clock.

A search that has a best value and a bound at any moment asks `should_stop` at each of its steps.  What it returns then
is an answer like any other, and its certificate says how far it is from the minimum.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar


def _never() -> bool:
    return False


_asked: ContextVar[Callable[[], bool]] = ContextVar("should_stop", default=_never)


def should_stop() -> bool:
    """Whether the search that asks should end with the best that it has found."""
    return _asked.get()()


@contextmanager
def stopped_by(asked: Callable[[], bool]) -> Iterator[None]:
    """Let searches inside the block, in this thread, end once ``asked`` returns true."""
    token = _asked.set(asked)
    try:
        yield
    finally:
        _asked.reset(token)


@contextmanager
def stopped_after(times: int) -> Iterator[Callable[[], bool]]:
    """Let searches inside the block end once they have asked so often, or whoever asked for them wants it.

    A number of questions is the same on every machine, and so is what a search has found by then.  What is yielded
    tells whether that number was reached.
    """
    before, left = _asked.get(), [times]

    def asked() -> bool:
        left[0] -= 1
        return left[0] < 0 or before()

    with stopped_by(asked):
        yield lambda: left[0] < 0
